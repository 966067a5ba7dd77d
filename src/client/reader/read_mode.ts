import { invalidArgument } from "../errors/invalid_argument.ts";

/**
 * How a reader follows a stream once it has reached the tail:
 *
 * - `auto`: over SSE; by long-poll if the stream is text, whose line ends SSE doesn't keep, or if the
 *   network delays SSE or cuts it again and again
 * - `sse`, `long-poll`: always this way; line ends of text become `\n` over SSE
 * - `catch-up`: it doesn't
 */
export type ReadMode = (typeof READ_MODES)[number];

const READ_MODES = ["auto", "long-poll", "sse", "catch-up"] as const;

/**
 * Checks a mode that untyped code may have given.
 *
 * @throws {ClientError} `invalid_argument`
 */
export function checkReadMode(mode: ReadMode | undefined): void {
  if (mode === undefined || READ_MODES.includes(mode)) return;
  throw invalidArgument("readMode", mode, READ_MODES.join(", "));
}
