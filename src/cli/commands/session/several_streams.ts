import { ClientError, type ClientErrorCode } from "../../../client/errors/client_error.ts";
import { StreamError } from "../../../protocol/errors.ts";
import {
  GLOBSTAR,
  literalPrefix,
  matches,
  parsePattern,
  type Pattern,
  STAR,
} from "../../../protocol/name_pattern.ts";
import { EXIT, exitCodeOf } from "../../context/exit_code.ts";
import { prefixFlag } from "../../flags/common_flags.ts";
import { PROGRAM } from "../../context/program_name.ts";
import { UsageError } from "../../flags/usage_error.ts";
import { errorPrefix } from "../output/color.ts";
import { errorMessageOf } from "../output/error_message.ts";
import { namesBelow } from "./listing.ts";
import type { Session } from "./session.ts";
import { PATH, type StreamTask } from "./stream_command.ts";

/** Failures of one stream that say nothing about the others. */
const OF_ONE: ReadonlySet<ClientErrorCode> = new Set([
  "bad_request",
  "damaged",
  "gone",
  "invalid_response",
  "not_found",
  "trimmed",
]);

/** `[PATH...]`, of a command that takes `--prefix` in its place. */
export const PATHS = { ...PATH, optional: true, repeats: true };

/**
 * The streams that a command's arguments or its `--prefix` name.
 *
 * @throws {UsageError} where both or neither do
 */
export function namedStreams(
  command: string,
  { session, values }: StreamTask,
): AsyncIterable<string> | readonly string[] {
  const prefix = values.get(prefixFlag);
  if (prefix === undefined) {
    if (session.names.some(isGlob)) return namesOf(session);
    if (session.names.length > 0 && !session.names.includes("")) return session.names;
    throw new UsageError(
      `${command} needs PATH, ${PATH.help}, or --prefix: ${PROGRAM} ${command} PATH`,
    );
  }
  if (session.names.length === 0) return namesBelow(session, prefix);
  throw new UsageError("PATH and --prefix both say which streams; accepted: one of them");
}

/** Whether a name stands for all that fit it: a segment of it is `*` or `**`. */
export function isGlob(name: string): boolean {
  return name.split("/").some((segment) => segment === STAR || segment === GLOBSTAR);
}

/** The names as they are, and those that there are now of each that stands for several; each once. */
async function* namesOf(session: Session): AsyncGenerator<string, undefined> {
  const seen = new Set<string>();
  for (const name of session.names) {
    for await (const each of isGlob(name) ? fitting(session, name) : [name]) {
      if (!seen.has(each)) yield each;
      seen.add(each);
    }
  }
}

async function* fitting(session: Session, glob: string): AsyncGenerator<string, undefined> {
  const pattern = patternOf(glob);
  for await (const name of namesBelow(session, literalPrefix(pattern))) {
    if (matches(pattern, name)) yield name;
  }
}

function patternOf(glob: string): Pattern {
  try {
    return parsePattern(glob);
  } catch (error) {
    if (error instanceof StreamError) throw new UsageError(error.message);
    throw error;
  }
}

/**
 * Does something with one of several streams; resolves to the exit code for it. A failure of this stream
 * alone is printed, and the others go on.
 *
 * @throws {unknown} a failure that concerns the others too
 */
export async function withOneOf(
  { session, context, values }: StreamTask,
  name: string,
  work: () => Promise<void>,
): Promise<number> {
  try {
    await work();
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ClientError) || !OF_ONE.has(error.code)) throw error;
    const message = errorMessageOf(error, { url: session.shownUrl, name });
    context.printError(`${errorPrefix(values, context)} ${message}`);
    return exitCodeOf(error);
  }
}

/** The first exit code that isn't 0, or 0. */
export function firstFailure(exitCodes: readonly number[]): number {
  return exitCodes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
}
