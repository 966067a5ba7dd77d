import { deepEqual, equal, match } from "node:assert/strict";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { inspectFile } from "../../../../../src/storage/file/maintenance/inspect/inspect.ts";
import { itemLine } from "../../../../../src/storage/file/maintenance/inspect/item.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { newestLog } from "../damage_sample.ts";
import { changeRows, makeSubscribed } from "../subscribed_directory.ts";

Deno.test("subscriptions, their cursors and their records are shown", () =>
  withTempDir(async (root) => {
    const dir = await makeSubscribed(root);
    const rows = [...inspectFile(nodeFileSystem, `${dir}/catalog.sqlite`)];
    const subscription = rows.find(({ kind }) => kind === "subscription");
    equal(subscription?.fields.name, "of-a");
    match(String(subscription?.fields.body), /"links":\["a"\],"state":\{"phase":"idle"/);
    const cursors = rows.filter(({ kind }) => kind === "cursor").map(({ fields }) => fields);
    deepEqual(cursors, [
      { subscription_id: 2, stream_id: 1, position: 4 },
      { subscription_id: 4, stream_id: 3, position: 4 },
    ]);
    const records = [...inspectFile(nodeFileSystem, newestLog(dir))]
      .filter(({ kind }) => kind === "subscription");
    deepEqual(
      records.slice(-3).map(({ fields }) => [fields.subscription, fields.change]),
      [[2, "link"], [4, "link"], [6, "create"]],
    );
    const line = records.at(-3);
    match(
      line === undefined ? "" : itemLine(line),
      /^ +\d+ {2}subscription sequence=\d+ subscription=2 change=link at=\S+ body="\{.*later/,
    );
  }));

Deno.test("damaged rows of subscriptions and cursors are named", () =>
  withTempDir(async (root) => {
    const dir = await makeSubscribed(root);
    changeRows(dir, "UPDATE subscription SET name = 'x' WHERE id = 2");
    changeRows(dir, "UPDATE cursor SET position = 3 WHERE stream_id = 3");
    const damaged = [...inspectFile(nodeFileSystem, `${dir}/catalog.sqlite`)]
      .filter(({ damage }) => damage !== undefined);
    deepEqual(damaged.map(({ kind }) => kind), ["subscription", "cursor"]);
  }));
