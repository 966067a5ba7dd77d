import { BrokenPipe, type CommandContext } from "../../context/command_context.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT, exitCodeOf } from "../../context/exit_code.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import { UsageError } from "../../flags/usage_error.ts";
import type { Side } from "../copy/side.ts";
import { errorPrefix } from "../output/color.ts";
import { errorMessageOf } from "../output/error_message.ts";
import { ServerUnreachable } from "../session/unreachable.ts";

/** A running export or import. */
export interface ArchiveRun {
  /** Gets each side as it is open; all are closed in the end. */
  readonly sides: Side[];
  readonly signal: AbortSignal;
}

/**
 * Runs an export or import to its end or a signal's, and says what went wrong.
 *
 * @param tokenFlag what the message of a missing token names
 * @throws {UsageError}
 */
export async function runArchive(
  values: FlagValues,
  context: CommandContext,
  tokenFlag: string,
  run: (running: ArchiveRun) => Promise<number>,
): Promise<number> {
  const ending = new AbortController();
  let signalCode: number | undefined;
  const unlisten = context.onEndSignal((code) => {
    signalCode = code;
    ending.abort(new Error("interrupted"));
  });
  const sides: Side[] = [];
  try {
    return await run({ sides, signal: ending.signal });
  } catch (thrown) {
    if (signalCode !== undefined) return signalCode;
    const error = thrown instanceof ServerUnreachable ? thrown.cause : thrown;
    if (error instanceof UsageError) throw error;
    if (error instanceof BrokenPipe) return EXIT.ok;
    const url = sides[0]?.session.shownUrl ?? "http://localhost";
    const message = errorMessageOf(error, { url, name: undefined })
      .replace("--token, --token-file", `${tokenFlag}, ${tokenFlag}-file`);
    context.printError(`${errorPrefix(values, context)} ${message}`);
    return error instanceof CommandError ? error.exitCode : exitCodeOf(error);
  } finally {
    unlisten();
    for (const side of sides) await side.close();
  }
}
