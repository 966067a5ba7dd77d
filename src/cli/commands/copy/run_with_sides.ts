import { BrokenPipe, type CommandContext } from "../../context/command_context.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT, exitCodeOf } from "../../context/exit_code.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import { UsageError } from "../../flags/usage_error.ts";
import { errorPrefix } from "../output/color.ts";
import { errorMessageOf } from "../output/error_message.ts";
import { ServerUnreachable } from "../session/unreachable.ts";
import type { Side } from "./side.ts";

/** A copy, export or import that runs. */
export interface RunWithSides {
  /** Gets each side as it is open; all are closed in the end. */
  readonly sides: Side[];
  readonly signal: AbortSignal;
}

/** What the message of a failure says. */
export interface SidesFailure {
  /** The flags that give a token. */
  readonly tokenFlags: string;
  /** The side that the failure is of, where one is open. */
  sideOf(error: unknown, sides: readonly Side[]): Side | undefined;
}

/**
 * Runs a copy, export or import to its end or a signal's, and says what went wrong.
 *
 * @throws {UsageError}
 */
export async function runWithSides(
  values: FlagValues,
  context: CommandContext,
  { tokenFlags, sideOf }: SidesFailure,
  run: (running: RunWithSides) => Promise<number>,
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
    const url = sideOf(error, sides)?.session.shownUrl ?? "http://localhost";
    const message = errorMessageOf(error, { url, name: undefined })
      .replace("--token, --token-file", tokenFlags);
    context.printError(`${errorPrefix(values, context)} ${message}`);
    return error instanceof CommandError ? error.exitCode : exitCodeOf(error);
  } finally {
    unlisten();
    for (const side of sides) await side.close();
  }
}
