import type { HistoryResult } from "./history.ts";
import { formatParts } from "./parts.ts";
import { shorten } from "./shorten.ts";

const SHORTEN_LIMIT_MS = 20_000;

/** What is told of a history that breaks a promise: as short as it gets, and how to run it again. */
export async function report(failing: HistoryResult): Promise<string> {
  const shortest = await shorten(failing, SHORTEN_LIMIT_MS);
  const { parts, trace, violation } = shortest;
  const seed = `${failing.seed}${failing.options.subscriptions ? " --subscriptions" : ""}`;
  return `${trace.join("\n")}\n\n${violation?.message}\n\n` +
    `Shortened from ${failing.parts.length} parts to ${parts.length}. Before: ` +
    `${failing.violation?.message.split("\n")[0]}\n` +
    `Again: deno task crash --seed ${seed} --keep "${formatParts(parts)}"\n` +
    `Whole: deno task crash --seed ${seed}\n`;
}
