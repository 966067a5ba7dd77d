import { ok } from "node:assert/strict";
import process from "node:process";
import { runCompactionHistory } from "./history.ts";

/** How many histories: those of CI are the same each time. `COMPACTION_FIRST` is the first one's seed. */
const count = Number(process.env["COMPACTION_HISTORIES"] ?? 15);
const first = Number(process.env["COMPACTION_FIRST"] ?? 1);

Deno.test("no newest value is missing of a stream that is compacted while processes end", async () => {
  let [compacted, crashes] = [0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const found = await runCompactionHistory(seed).catch((error) => {
      throw new Error(`COMPACTION_FIRST=${seed} COMPACTION_HISTORIES=1: ${error.message}`, {
        cause: error,
      });
    });
    compacted += found.compacted;
    crashes += found.crashes;
  }
  console.log(`${count} histories: ${crashes} ends of processes, ${compacted} starts of compacted`);
  ok(count < 10 || compacted > count, "most histories come to compact something");
});
