import { ClientError, type ClientErrorCode } from "../../client/errors/client_error.ts";
import { EXIT, exitCodeOf } from "../context/exit_code.ts";
import { type Flag, optionalFlag, textFlag } from "../flags/flag.ts";
import { PROGRAM } from "../context/program_name.ts";
import { UsageError } from "../flags/usage_error.ts";
import { errorPrefix } from "./output/color.ts";
import { errorMessageOf } from "./output/error_message.ts";
import { namesBelow } from "./session/listing.ts";
import { PATH, type StreamTask } from "./stream_command.ts";

/** What fails of one stream, and says nothing of others. */
const OF_ONE: ReadonlySet<ClientErrorCode> = new Set([
  "bad_request",
  "damaged",
  "gone",
  "invalid_response",
  "not_found",
]);

/** `[PATH...]`, of a command that takes `--prefix` in its place. */
export const PATHS = { ...PATH, optional: true, repeats: true };

/** `--prefix`: all streams whose names begin so. */
export const prefixFlag: Flag<string | undefined> = optionalFlag(textFlag({
  name: "prefix",
  placeholder: "prefix",
  default: "",
  help: "All streams whose names begin with this, instead of PATH. The server has to list them.",
  accepts: "what names begin with, such as logs/; never nothing, which would be all streams",
  check: (text) => text !== "",
  commandLineOnly: true,
}));

/**
 * The streams that a command's words or its `--prefix` name.
 *
 * @throws {UsageError} where both or neither do
 */
export function namedStreams(
  command: string,
  { session, values }: StreamTask,
): AsyncIterable<string> | readonly string[] {
  const prefix = values.get(prefixFlag);
  if (prefix === undefined) {
    if (session.names.length > 0 && !session.names.includes("")) return session.names;
    throw new UsageError(
      `${command} needs PATH, ${PATH.help}, or --prefix: ${PROGRAM} ${command} PATH`,
    );
  }
  if (session.names.length === 0) return namesBelow(session, prefix);
  throw new UsageError("PATH and --prefix both say which streams; accepted: one of them");
}

/**
 * Does something with one of several streams. What fails of it alone is told, and the others go on;
 * resolves to the exit code for it.
 *
 * @throws {unknown} what would fail of the others too
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
    const message = errorMessageOf(error, { url: session.baseUrl, name });
    context.printError(`${errorPrefix(values, context)} ${message}`);
    return exitCodeOf(error);
  }
}

/** The first that isn't 0. */
export function firstFailure(exitCodes: readonly number[]): number {
  return exitCodes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
}
