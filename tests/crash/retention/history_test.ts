import { ok } from "node:assert/strict";
import process from "node:process";
import { runRetentionHistory } from "./history.ts";

/** How many histories: those of CI are the same each time. `RETENTION_FIRST` is the first one's seed. */
const count = Number(process.env["RETENTION_HISTORIES"] ?? 15);
const first = Number(process.env["RETENTION_FIRST"] ?? 1);

Deno.test("nothing is lost of a stream that is trimmed, and nothing trimmed comes back, while processes end", async () => {
  let [trimmed, crashes] = [0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const found = await runRetentionHistory(seed).catch((error) => {
      throw new Error(`RETENTION_FIRST=${seed} RETENTION_HISTORIES=1: ${error.message}`, {
        cause: error,
      });
    });
    trimmed += found.trimmed;
    crashes += found.crashes;
  }
  console.log(`${count} histories: ${crashes} ends of processes, ${trimmed} starts of trimmed`);
  ok(count < 10 || trimmed > count, "most histories come to trim something");
});
