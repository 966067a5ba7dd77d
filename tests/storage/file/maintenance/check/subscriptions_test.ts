import { deepEqual, match } from "node:assert/strict";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { rowChecksum } from "../../../../../src/storage/file/catalog/schema.ts";
import { checkDirectory } from "../../../../../src/storage/file/maintenance/check/check.ts";
import {
  describeFinding,
  isFinding,
} from "../../../../../src/storage/file/maintenance/check/finding.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { changeRows, makeSubscribed } from "../subscribed_directory.ts";

/** The findings in a directory whose rows were changed. */
async function findings(sql: string): Promise<string[]> {
  let found: string[] = [];
  await withTempDir(async (root) => {
    const dir = await makeSubscribed(root);
    changeRows(dir, sql);
    found = checkDirectory({ fileSystem: nodeFileSystem, dir }).found.filter(isFinding)
      .map((finding) => `${finding.kind}: ${describeFinding(finding)}`);
  });
  return found;
}

/** The ids: stream `a`, its subscription, stream `b`, its subscription, the kit's own stream. */
const [A, OF_A, B, OF_B] = [1, 2, 3, 4];

/** An SQL value's row of `cursor`, with the right checksum. */
function cursor(subscriptionId: number, streamId: number, position: number): string {
  const values = [subscriptionId, streamId, position];
  return `INSERT OR REPLACE INTO cursor VALUES (${[...values, rowChecksum(values)].join(", ")})`;
}

Deno.test("a directory with subscriptions in rows and in the log has no finding", async () => {
  deepEqual(await findings(""), []);
});

const CASES: readonly (readonly [string, string, RegExp])[] = [
  [
    "a subscription's row that was changed",
    `UPDATE subscription SET body = body || ' ' WHERE id = ${OF_A}`,
    /^subscription_row: .*the row of subscription "of-a" \(2\) fails its checksum \(expected/,
  ],
  [
    "a subscription's row without a body",
    `UPDATE subscription SET (position, body, crc32) = (1, '{}', ${
      rowChecksum([OF_A, "of-a", 1, "{}"])
    }) WHERE id = ${OF_A}`,
    /^subscription_row: .*"of-a" \(2\) has no body that can be read \(expected JSON of/,
  ],
  [
    "a cursor's row that was changed",
    `UPDATE cursor SET position = 1 WHERE stream_id = ${A}`,
    /^cursor_row: .*the cursor of subscription 2 fails its checksum .*; stream "a" \(1\)$/,
  ],
  [
    "a cursor of no subscription",
    cursor(77, A, 2),
    /^cursor_row: .*the cursor of subscription 77 is of none that is there .*; stream "a" \(1\)$/,
  ],
  [
    "a cursor in no stream",
    `DELETE FROM cursor WHERE subscription_id = ${OF_A}; ${cursor(OF_A, 77, 2)}`,
    /^cursor_row: .*the cursor of subscription 2 is in a stream that isn't there .*; stream 77$/,
  ],
  [
    "a cursor that is hidden",
    `DELETE FROM cursor WHERE subscription_id = ${OF_A}`,
    /^subscription_row: .*"of-a" \(2\) counts other cursors than there are \(expected 1, found 0\)/,
  ],
  [
    "a cursor ahead of its stream",
    cursor(OF_A, A, 9),
    /^cursor_row: .* subscription 2 is ahead of its stream \(expected at most its tail, 8, found 9\)/,
  ],
  [
    "a record of no subscription",
    `DELETE FROM subscription WHERE id = ${OF_A}; DELETE FROM cursor WHERE stream_id = ${A}`,
    /^log_record: .*\.wal:\d+: a record of a subscription that nothing makes .*subscription 2, or/,
  ],
];

for (const [name, sql, expected] of CASES) {
  Deno.test(`${name} is one finding`, async () => {
    const found = await findings(sql);
    deepEqual(found.length, 1, found.join("\n"));
    match(found[0] ?? "", expected);
  });
}

Deno.test("what the log appends counts for a cursor's stream", async () => {
  deepEqual(await findings(cursor(OF_B, B, 10)), []);
});

Deno.test("a row behind the log's end is a finding", async () => {
  const sql = `UPDATE subscription SET (position, body, crc32) = (99, '{}', ${
    rowChecksum([OF_A, "of-a", 99, "{}"])
  }) WHERE id = ${OF_A}`;
  const found = await findings(sql);
  match(found[1] ?? "", /^log_gap: .*the row of subscription "of-a" \(2\) holds .*up to 99, found/);
});
