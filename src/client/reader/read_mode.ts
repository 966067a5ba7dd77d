import { invalidArgument } from "../errors/invalid_argument.ts";

/**
 * How a reader goes on once it has all there is:
 *
 * - `auto`: over SSE; by long-poll where the stream is text, whose line ends SSE doesn't keep, and where
 *   something between client and server holds SSE back or cuts it again and again
 * - `sse`, `long-poll`: always so; line ends of text become `\n` over SSE
 * - `catch-up`: not at all
 */
export type ReadMode = (typeof READ_MODES)[number];

const READ_MODES = ["auto", "long-poll", "sse", "catch-up"] as const;

/**
 * Checks a mode that may come from anywhere.
 *
 * @throws {ClientError} `invalid_argument`
 */
export function checkReadMode(mode: ReadMode | undefined): void {
  if (mode === undefined || READ_MODES.includes(mode)) return;
  throw invalidArgument("readMode", mode, READ_MODES.join(", "));
}
