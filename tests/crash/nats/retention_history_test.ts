import { ok } from "node:assert/strict";
import process from "node:process";
import { openStorage } from "./open_storage.ts";
import { runNatsRetentionHistory } from "./retention_history.ts";

/** How many histories: those of CI are the same each time. `RETENTION_FIRST` is the first one's seed. */
const count = Number(process.env["RETENTION_HISTORIES"] ?? 25);
const first = Number(process.env["RETENTION_FIRST"] ?? 1);

Deno.test("in a cluster nothing is lost of a stream that is trimmed, and nothing trimmed comes back", async () => {
  let [trimmed, kills] = [0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const found = await runNatsRetentionHistory(seed, openStorage);
    if (found.violation !== undefined) {
      throw new Error(
        `${count === 1 ? found.trace.join("\n") : ""}\n${found.violation.message}\n` +
          `RETENTION_FIRST=${seed} RETENTION_HISTORIES=1`,
      );
    }
    trimmed += found.trimmed;
    kills += found.counts.kills;
  }
  console.log(`${count} histories: ${kills} kills, ${trimmed} streams trimmed`);
  ok(count < 10 || trimmed > count, "most histories come to trim something");
});
