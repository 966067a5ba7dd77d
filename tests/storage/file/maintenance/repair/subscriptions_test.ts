import { deepEqual, equal, match, ok } from "node:assert/strict";
import { rowChecksum } from "../../../../../src/storage/file/catalog/schema.ts";
import { openFileStorage } from "../../../../../src/storage/file/open.ts";
import { describeAction } from "../../../../../src/storage/file/maintenance/repair/report.ts";
import { ManualClock } from "../../../../support/manual_clock.ts";
import { flipBit } from "../../../../support/wal_kit.ts";
import { viewSubscriptions } from "../../../../support/subscription_kit.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { newestLog } from "../damage_sample.ts";
import { changeRows, makeSubscribed } from "../subscribed_directory.ts";
import { repair } from "./repair_kit.ts";

/** Each subscription's links, and where the acked ones are: `-1` for the start, `…` for elsewhere. */
async function linksIn(dir: string): Promise<Record<string, string[]>> {
  const storage = await openFileStorage({
    dir,
    walBytes: 256 * 1024,
    mustExist: true,
    clock: new ManualClock(),
  });
  try {
    equal(storage.status().figures.damagedSubscriptions, 0);
    const found = await viewSubscriptions(storage);
    return Object.fromEntries(found.map(({ info, links }) => [
      info.name,
      links.map(({ path, ackedOffset }) => `${path} ${ackedOffset === "-1" ? "-1" : "…"}`),
    ]));
  } finally {
    await storage.close();
  }
}

/** Repairs a directory after `damage`; what was lost, and the subscriptions that are left. */
async function repaired(damage: (dir: string) => void) {
  let outcome: { lost: string[]; rows: string; links: Record<string, string[]> } | undefined;
  await withTempDir(async (root) => {
    const dir = await makeSubscribed(root);
    damage(dir);
    const { actions, left, keptIn } = await repair(dir);
    deepEqual(left, []);
    const lost = actions.filter((action) => action.outcome === "lost").map(describeAction);
    let rows = "";
    try {
      rows = Deno.readTextFileSync(`${keptIn}/lost-rows.jsonl`);
    } catch {
      // Nothing of the catalogue was lost.
    }
    outcome = { lost, rows, links: await linksIn(dir) };
    // The server has gone on from there, and everything is as it should be.
    deepEqual((await repair(dir)).before, []);
  });
  ok(outcome !== undefined);
  return outcome;
}

const WHOLE = {
  logged: ["a …", "b …", "file-kit/mark …"],
  "of-a": ["a …", "later -1"],
  "of-b": ["b …", "later -1"],
};

Deno.test("a damaged subscription is lost, with its cursors and its records; the others stay", async () => {
  const { lost, rows, links } = await repaired((dir) =>
    changeRows(dir, "UPDATE subscription SET body = body || ' ' WHERE name = 'of-a'")
  );
  const { "of-a": _, ...others } = WHOLE;
  deepEqual(links, others);
  equal(lost.length, 3, lost.join("\n"));
  match(lost[0] ?? "", /the row of subscription "of-a" is damaged: it is gone/);
  match(lost[1] ?? "", /the cursor of subscription 2, which is gone, is gone; stream "a" \(1\)/);
  match(lost[2] ?? "", /records of subscriptions that nothing makes any more: a deletion of 2 was/);
  match(rows, /^\{"table":"subscription","row":\{"id":2,"name":"of-a"/);
  match(rows, /\n\{"table":"cursor","row":\{"subscription_id":2,"stream_id":1,"position":4/);
});

Deno.test("a damaged cursor leaves all of its stream pending", async () => {
  const { lost, links } = await repaired((dir) =>
    changeRows(dir, "UPDATE cursor SET position = 5 WHERE subscription_id = 2")
  );
  deepEqual(links, { ...WHOLE, "of-a": ["a -1", "later -1"] });
  equal(lost.length, 1, lost.join("\n"));
  match(
    lost[0] ?? "",
    /how far subscription "of-a" \(2\) had come isn't known: all of the stream counts as pending; stream "a"/,
  );
});

Deno.test("a cursor that damage hides is named, and the subscription goes on without it", async () => {
  const { lost, links } = await repaired((dir) =>
    changeRows(dir, "DELETE FROM cursor WHERE subscription_id = 2")
  );
  deepEqual(links, { ...WHOLE, "of-a": ["a …", "later -1"] });
  equal(lost.length, 1, lost.join("\n"));
  match(lost[0] ?? "", /"of-a" \(2\) had 1 cursors, and has 0: streams without one count as proc/);
});

Deno.test("a cursor of a stream that is lost goes, one ahead of its stream too", async () => {
  const { lost, links } = await repaired((dir) => {
    changeRows(dir, "UPDATE stream SET tail = 99 WHERE name = 'a'");
    changeRows(
      dir,
      `UPDATE cursor SET (position, crc32) = (1000, ${
        rowChecksum([4, 3, 1000])
      }) WHERE subscription_id = 4`,
    );
  });
  deepEqual(links, {
    logged: ["b …", "file-kit/mark …"],
    "of-a": ["a -1", "later -1"],
    "of-b": ["b …", "later -1"],
  });
  ok(
    lost.some((line) => /subscription "of-a" \(2\), in a stream that is gone, is gone/.test(line)),
  );
  ok(lost.some((line) => /"of-b" \(4\) had come .* counts as processed; stream "b"/.test(line)));
});

Deno.test("records of subscriptions that are cut off the log are named", async () => {
  const { lost, links } = await repaired((dir) => {
    const path = newestLog(dir);
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
    flipBit(path, text.indexOf("later"));
  });
  const { logged: _, ...others } = WHOLE;
  deepEqual(Object.keys(links), Object.keys(others));
  ok(
    lost.some((line) => /1 records of subscription "logged" \(6\) that can be read/.test(line)),
    lost.join("\n"),
  );
});
