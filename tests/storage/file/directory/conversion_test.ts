import { deepStrictEqual as equal, ok, rejects, throws } from "node:assert";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { convertSqliteCatalog } from "../../../../src/storage/file/catalog/sqlite_catalog.ts";
import { decodeFormat } from "../../../../src/storage/file/directory/format_file.ts";
import { checkDirectory } from "../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../src/storage/file/maintenance/check/finding.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { appendText, subscribe, viewSubscriptions } from "../../../support/subscription_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { unpackVersion2 } from "./version_2.ts";

const LONG = JSON.stringify("x".repeat(5000));
const CONTENTS = {
  json: `1,\n{"two":2},\n${LONG},\n3,\n`,
  text: "hello\n",
  fork: `1,\n{"two":2},\n${LONG},\n3,\n4,\n`,
};

function open(dir: string, fileSystem = new HookedFileSystem()): Promise<Storage> {
  return openFileStorage({ dir, fileSystem, walBytes: 64 * 1024, clock: new ManualClock() });
}

function versionOf(dir: string): number | undefined {
  return decodeFormat(Deno.readFileSync(`${dir}/FORMAT`))?.version;
}

/** The storage has what the older program had stored, and goes on with it. */
async function isWhole(dir: string): Promise<void> {
  const storage = await open(dir);
  try {
    for (const [name, text] of Object.entries(CONTENTS)) {
      const { data } = await storage.read(name, 0, 1 << 20);
      equal(new TextDecoder().decode(data), text);
    }
    equal((await storage.head("text")).closed, true);
    const { duplicate } = await storage.append("json", {
      contentType: "application/json",
      body: encodeUtf8("3"),
      producer: { id: "p", epoch: 1, seq: 1 },
    });
    equal(duplicate, true);
  } finally {
    await storage.close();
  }
  equal(versionOf(dir), 3);
  const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
  equal(found.filter(isFinding), []);
}

Deno.test("a directory of version 2 opens as it was, and takes subscriptions", () =>
  withTempDir(async (root) => {
    const dir = `${root}/old`;
    await unpackVersion2(dir);
    equal(versionOf(dir), 2);
    await isWhole(dir);
    const storage = await open(dir);
    await subscribe(storage, "s", { pattern: "**" });
    await storage.create("new", { contentType: "text/plain" });
    await appendText(storage, "new", "x");
    const before = await viewSubscriptions(storage);
    equal(before.length, 1);
    await storage.close();
    const again = await open(dir);
    equal(await viewSubscriptions(again), before);
    await again.close();
    await isWhole(dir);
  }));

Deno.test("check rejects a directory of version 2, and says how it becomes one of this version", () =>
  withTempDir(async (root) => {
    await unpackVersion2(root);
    throws(
      () => checkDirectory({ fileSystem: nodeFileSystem, dir: root }),
      /version 2, and this program reads version 3\. .*a server that starts on it/,
    );
  }));

Deno.test("a conversion that is cut short anywhere begins again", () =>
  withTempDir(async (root) => {
    let isConverted = false;
    for (let calls = 0; !isConverted; calls++) {
      const dir = `${root}/${calls}`;
      await unpackVersion2(dir);
      const fileSystem = new HookedFileSystem();
      let left = calls;
      fileSystem.before = () => {
        if (left-- === 0) throw new Error("the process ends");
      };
      await rejects(open(dir, fileSystem), /the process ends/);
      isConverted = versionOf(dir) === 3;
      await isWhole(dir);
      ok(calls < 50, "FORMAT is written at some time");
    }
  }));

Deno.test("a conversion finds the tables there", () =>
  withTempDir(async (root) => {
    await unpackVersion2(root);
    convertSqliteCatalog(`${root}/catalog.sqlite`);
    convertSqliteCatalog(`${root}/catalog.sqlite`);
    await isWhole(root);
  }));
