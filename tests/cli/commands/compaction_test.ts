import { deepEqual, equal, match } from "node:assert/strict";
import { createApp } from "../../../src/server/app.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { CommandKit } from "./command_kit.ts";

const CREATE = ["create", "a", "--content-type", "application/json", "--compaction"];

Deno.test("create gives a compaction, configure changes it, head and --json show it", () =>
  withTempDir(async (dir) => {
    const storage = await openFileStorage({ dir });
    const app = createApp({ storage });
    const kit = new CommandKit();
    const fetch = (url: string, init: RequestInit) => app.request(url, init);
    const ok = (...args: string[]) => kit.ok(args, { fetch });
    equal(await ok(...CREATE, "state"), "");
    match(await ok("head", "a"), /\ncompaction {4}state, tombstones 1d\n/);
    const both = ["--retention", "1GiB", "--json"];
    const text = await ok("configure", "a", "--compaction", "/id, tombstones 1h", ...both);
    const { compaction, retention } = JSON.parse(text);
    deepEqual(compaction, { key: "/id", tombstoneSeconds: 3600 });
    deepEqual(retention, { bytes: 2 ** 30 });
    equal(await ok("configure", "a", "--compaction", "none"), "");
    const info = JSON.parse(await ok("head", "a", "--json"));
    equal("compaction" in info, false);
    deepEqual(info.retention, { bytes: 2 ** 30 });
    await storage.close();
  }));

Deno.test("a storage that can't compact says so, and a wrong key says what would be right", async () => {
  const kit = new CommandKit();
  const refused = await kit.run([...CREATE, "state"]);
  equal(refused.code === 0, false);
  match(refused.stderr, /compact/);
  equal((await kit.fixture.head("a")).status, 404);
  const wrong = await kit.run([...CREATE, "id"]);
  equal(wrong.code, 2);
  match(wrong.stderr, /--compaction is "id"; accepted: state, or a JSON pointer/);
  const nothing = await kit.run(["configure", "a"]);
  equal(nothing.code, 2);
  match(nothing.stderr, /accepted: --retention, --compaction/);
});
