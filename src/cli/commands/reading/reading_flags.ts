import type { Missed } from "../../../client/reader/missed.ts";
import type { ReaderOptions } from "../../../client/reader/options.ts";
import { PROGRAM } from "../../context/program_name.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { jsonOutputFlag } from "../../flags/common_flags.ts";
import { switchFlag } from "../../flags/flag.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import { UsageError } from "../../flags/usage_error.ts";
import { formatBytes } from "../output/format_bytes.ts";

/** What `read` and `tail` ask of this project's server only. */
export const readingFlags = {
  skipTrimmed: switchFlag({
    name: "skip-trimmed",
    help: "Where what comes next was trimmed, go on at what is left, and say so on stderr.",
    commandLineOnly: true,
  }),
  ordinals: switchFlag({
    name: "ordinals",
    help:
      'With --json: also which message of the stream each is, as "ordinal", counted from 0. Of a ' +
      "JSON stream, and by this project's server.",
    commandLineOnly: true,
  }),
};

/**
 * The reader's options for these flags.
 *
 * @throws {UsageError} where nothing would show the ordinals
 */
export function readerOptionsOf(values: FlagValues): Pick<ReaderOptions, "trimmed" | "ordinals"> {
  const ordinals = values.get(readingFlags.ordinals);
  if (ordinals && !values.get(jsonOutputFlag)) {
    throw new UsageError("--ordinals shows nothing by itself; accepted: with --json");
  }
  return { ordinals, trimmed: values.get(readingFlags.skipTrimmed) ? "skip" : "fail" };
}

/** Says what was trimmed before it was read. */
export function printMissed(
  context: CommandContext,
  name: string,
  missed: Missed | undefined,
): void {
  if (missed === undefined) return;
  const amount = missed.bytes === undefined ? "" : `, ${formatBytes(missed.bytes)}`;
  context.printError(
    `${PROGRAM}: ${JSON.stringify(name)} was trimmed from ${missed.from} to ${missed.to} before ` +
      `that was read${amount}: reading goes on behind it`,
  );
}
