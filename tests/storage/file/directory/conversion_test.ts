import { deepStrictEqual as equal, ok, rejects, throws } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { messageEnds } from "../../../../src/protocol/json.ts";
import {
  decodeFormat,
  FORMAT_VERSION,
} from "../../../../src/storage/file/directory/format_file.ts";
import { checkDirectory } from "../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../src/storage/file/maintenance/check/finding.ts";
import { repairDirectory } from "../../../../src/storage/file/maintenance/repair/repair.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import { IndexConverter } from "../../../../src/storage/file/segments/index_conversion.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { HookedFileSystem, noSpace } from "../../../support/hooked_file_system.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { appendText, subscribe, viewSubscriptions } from "../../../support/subscription_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { flipBit } from "../../../support/wal_kit.ts";
import { unpackVersion2 } from "./version_2.ts";
import { type OldStream, unpackVersion3, unpackVersion4, unpackVersion5 } from "./old_versions.ts";

const JSON_TYPE = "application/json";

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
  equal(versionOf(dir), FORMAT_VERSION);
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
      /version 2, and this program reads version 6\. .*a server that starts on it/,
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
      isConverted = versionOf(dir) === FORMAT_VERSION;
      await isWhole(dir);
      ok(calls < 50, "FORMAT is written at some time");
    }
  }));

/** The storage has all that the program of version 3 was told, counts it, and goes on. */
async function isWholeAndCounted(
  dir: string,
  expected: Record<string, OldStream>,
): Promise<void> {
  const storage = await open(dir);
  try {
    const boundaries = Object.values(expected).flatMap(({ offsets }) => offsets);
    for (const [name, { text }] of Object.entries(expected)) {
      const { tail, contentType } = await storage.head(name);
      const { data } = await storage.read(name, 0, 1 << 20);
      equal(new TextDecoder().decode(data), text, name);
      if (contentType === JSON_TYPE) await isCounted(storage, name, text);
      else ok(boundaries.includes((await storage.read(name, { lastMessages: 3 }, 1)).start));
      const body = encodeUtf8("7");
      await storage.append(name, { contentType, body });
      equal((await storage.read(name, { lastMessages: 1 }, 1)).start <= tail, true);
    }
    equal((await viewSubscriptions(storage)).length, 1);
  } finally {
    await storage.close();
  }
  equal(versionOf(dir), FORMAT_VERSION);
  const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
  equal(found.filter(isFinding), []);
}

async function isCounted(storage: Storage, name: string, text: string): Promise<void> {
  const bytes = encodeUtf8(text);
  const ends = messageEnds(bytes);
  const count = async (offset: number) => (await storage.countBefore?.(name, offset))?.messages;
  for (const messages of [1, 2, 20, 40, 41, 42, ends.length]) {
    if (messages > ends.length) continue;
    const start = [0, ...ends][ends.length - messages];
    equal((await storage.read(name, { lastMessages: messages }, 1)).start, start, name);
    equal(await count(ends[messages - 1] ?? 0), messages, `${name} up to ${messages}`);
  }
}

Deno.test("a directory of version 3 opens as it was, and its messages are counted", () =>
  withTempDir(async (root) => {
    const dir = `${root}/old`;
    const expected = await unpackVersion3(dir);
    equal(versionOf(dir), 3);
    await isWholeAndCounted(dir, expected);
  }));

Deno.test("a conversion of version 3 that is cut short anywhere begins again", () =>
  withTempDir(async (root) => {
    let isConverted = false;
    for (let calls = 0; !isConverted; calls += 11) {
      const dir = `${root}/${calls}`;
      const expected = await unpackVersion3(dir);
      const fileSystem = new HookedFileSystem();
      let left = calls;
      fileSystem.before = () => {
        if (left-- === 0) throw new Error("the process ends");
      };
      await rejects(open(dir, fileSystem), /the process ends/);
      isConverted = versionOf(dir) === FORMAT_VERSION;
      await isWholeAndCounted(dir, expected);
      ok(calls < 300, "FORMAT is written at some time");
    }
  }));

Deno.test("what is damaged in a directory of version 3 is damaged afterwards, and nothing else", () =>
  withTempDir(async (root) => {
    const expected = await unpackVersion3(root);
    const folder = `${root}/segments/01`;
    const [first, second] = Array.from(Deno.readDirSync(folder), ({ name }) => name)
      .filter((name) => name.endsWith(".idx")).sort();
    flipBit(`${folder}/${first}`, 48 + 2 * 32 + 5);
    Deno.removeSync(`${folder}/${second}`);
    const storage = await open(root);
    try {
      for (const [name, { text }] of Object.entries(expected)) {
        if (/^(?:events|late)/.test(name)) continue;
        const { data } = await storage.read(name, 0, 1 << 20);
        equal(new TextDecoder().decode(data), text, name);
      }
      await rejects(storage.read("events", 0, 1 << 20), { code: "damaged" });
      const { tail } = await storage.append("events", {
        contentType: JSON_TYPE,
        body: encodeUtf8("7"),
      });
      equal((await storage.read("events", { lastMessages: 1 }, 1)).start, tail - 3);
    } finally {
      await storage.close();
    }
    const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir: root });
    equal(found.filter(isFinding).map(({ kind }) => kind).sort(), ["index_entry", "index_missing"]);
  }));

Deno.test("what a killed conversion renamed is on disk before FORMAT says that it is converted", () =>
  withTempDir(async (root) => {
    await unpackVersion3(root);
    const folders = Array.from(
      Deno.readDirSync(`${root}/segments`),
      ({ name }) => `${root}/segments/${name}`,
    );
    const fileSystem = new HookedFileSystem();
    fileSystem.before = ({ call, path }) => {
      if (call === "sync" && folders.includes(path)) throw new Error("the process ends");
    };
    await rejects(open(root, fileSystem), /the process ends/);
    const synced = new Set<string>();
    fileSystem.before = ({ call, path }) => {
      if (call === "sync") synced.add(path);
      if (call === "rename" && path.endsWith("FORMAT.new")) {
        equal(folders.filter((folder) => !synced.has(folder)), []);
      }
    };
    await (await open(root, fileSystem)).close();
    equal(versionOf(root), FORMAT_VERSION);
  }));

Deno.test("a directory of version 4 opens as it was, and can be trimmed", () =>
  withTempDir(async (root) => {
    const dir = `${root}/old`;
    const expected = await unpackVersion4(dir);
    equal(versionOf(dir), 4);
    await isWholeAndCounted(dir, expected);
    const storage = await open(dir);
    try {
      for (const name of Object.keys(expected)) {
        equal((await storage.head(name)).earliest, 0);
      }
    } finally {
      await storage.close();
    }
  }));

Deno.test("a conversion of version 4 that is cut short anywhere begins again", () =>
  withTempDir(async (root) => {
    let isConverted = false;
    for (let calls = 0; !isConverted; calls++) {
      const dir = `${root}/${calls}`;
      const expected = await unpackVersion4(dir);
      const fileSystem = new HookedFileSystem();
      let left = calls;
      fileSystem.before = () => {
        if (left-- === 0) throw new Error("the process ends");
      };
      await rejects(open(dir, fileSystem), /the process ends/);
      isConverted = versionOf(dir) === FORMAT_VERSION;
      await isWholeAndCounted(dir, expected);
      ok(calls < 50, "FORMAT is written at some time");
    }
  }));

Deno.test("what is damaged in a directory of version 4 is damaged afterwards, and nothing else", () =>
  withTempDir(async (root) => {
    const expected = await unpackVersion4(root);
    change(root, "UPDATE stream SET tail = tail + 1 WHERE name = 'log'");
    change(root, "UPDATE segment SET bytes = 9223372036854775807 WHERE stream_id = 1 AND base > 0");
    const storage = await open(root);
    try {
      await rejects(storage.read("log", 0, 1 << 20), { code: "damaged" });
      await rejects(storage.read("events", 0, 1 << 20), { code: "damaged" });
      const { data } = await storage.read("late", 0, 1 << 20);
      equal(new TextDecoder().decode(data), expected.late?.text);
    } finally {
      await storage.close();
    }
  }));

Deno.test("a directory of version 5 opens as it was, and what is small has its files on", () =>
  withTempDir(async (root) => {
    const dir = `${root}/old`;
    const { expected, trimmed, compacted, snapshot } = await unpackVersion5(dir);
    equal(versionOf(dir), 5);
    await isWholeAndCounted(dir, expected);
    const storage = await open(dir);
    try {
      equal((await storage.head("trimmed")).earliest, trimmed.earliest);
      ok(trimmed.earliest > 0);
      const left = await storage.read("trimmed", trimmed.earliest, 1 << 20);
      equal(new TextDecoder().decode(left.data), trimmed.text);
      await rejects(storage.read("trimmed", 1, 1 << 20), { code: "offset_trimmed" });
      equal(await readThrough(storage, "compacted"), compacted.text);
      const kept = await storage.snapshots?.get("events");
      equal(new TextDecoder().decode(kept?.body), snapshot);
    } finally {
      await storage.close();
    }
    equal([...Deno.readDirSync(`${dir}/segments/04`)].length, 2);
  }));

/** All of a stream, whose chunks may be several. */
async function readThrough(storage: Storage, name: string): Promise<string> {
  let text = "";
  for (let at = 0;;) {
    const { data, next, tail } = await storage.read(name, at, 1 << 20);
    text += new TextDecoder().decode(data);
    if (next === tail) return text;
    at = next;
  }
}

Deno.test("a conversion of version 5 that is cut short anywhere begins again", () =>
  withTempDir(async (root) => {
    let isConverted = false;
    for (let calls = 0; !isConverted; calls += 3) {
      const dir = `${root}/${calls}`;
      const { expected } = await unpackVersion5(dir);
      const fileSystem = new HookedFileSystem();
      let left = calls;
      fileSystem.before = () => {
        if (left-- === 0) throw new Error("the process ends");
      };
      await rejects(open(dir, fileSystem), /the process ends/);
      isConverted = versionOf(dir) === FORMAT_VERSION;
      await isWholeAndCounted(dir, expected);
      ok(calls < 50, "FORMAT is written at some time");
    }
  }));

for (
  const [damage, harm] of [
    ["is missing", (path: string) => Deno.removeSync(path)],
    ["begins with something else", (path: string) => flipBit(path, 3)],
    ["has a damaged last entry", (path: string) => flipBit(path, Deno.statSync(path).size - 20)],
    ["is cut short", (path: string) => Deno.truncateSync(path, Deno.statSync(path).size - 40)],
  ] as const
) {
  Deno.test(`a directory of version 3 is repaired after its conversion where an index ${damage}`, () =>
    withTempDir(async (root) => {
      const expected = await unpackVersion3(root);
      for (const { name: folder } of Deno.readDirSync(`${root}/segments`)) {
        const [first] = Array.from(Deno.readDirSync(`${root}/segments/${folder}`))
          .map(({ name }) => name).filter((name) => name.endsWith(".idx")).sort();
        harm(`${root}/segments/${folder}/${first}`);
      }
      await (await open(root)).close();
      const options = { fileSystem: nodeFileSystem, dir: root, isDryRun: false, nowMs: 0 };
      const { left } = await repairDirectory(options);
      equal(left, []);
      await isWholeAndCounted(root, expected);
    }));
}

Deno.test("a damaged row of a segment doesn't stop the conversion, whatever number is in it", () =>
  withTempDir(async (root) => {
    const expected = await unpackVersion3(root);
    const database = new DatabaseSync(`${root}/catalog.sqlite`);
    database.exec(
      "UPDATE segment SET bytes = 9223372036854775807 WHERE stream_id = 1 AND base > 0",
    );
    database.close();
    const storage = await open(root);
    try {
      const { data } = await storage.read("log", 0, 1 << 20);
      equal(new TextDecoder().decode(data), expected.log?.text);
    } finally {
      await storage.close();
    }
    equal(versionOf(root), FORMAT_VERSION);
    const options = { fileSystem: nodeFileSystem, dir: root, isDryRun: false, nowMs: 0 };
    equal((await repairDirectory(options)).left, []);
    await isWholeAndCounted(root, expected);
  }));

Deno.test("others get their turns while streams without segments are converted", async () => {
  let turns = 0;
  const turn = () => {
    turns++;
    return undefined;
  };
  const paths = { root: "/d", segments: "/d/segments" };
  const converter = new IndexConverter({ fileSystem: new HookedFileSystem(), paths, turn });
  for (let id = 0; id < 10; id++) await converter.convert({ id, isJson: true }, []);
  equal(turns, 10);
});

/** Changes a catalogue that nobody uses by a statement. */
function change(dir: string, statement: string): void {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  database.exec(statement);
  database.close();
}

/** Changes a catalogue's bytes. */
function overwrite(dir: string, from: string, to: string): void {
  const path = `${dir}/catalog.sqlite`;
  const bytes = Deno.readFileSync(path);
  const at = new TextDecoder("latin1").decode(bytes).indexOf(from);
  ok(at > 0 && from.length === to.length, `${from} is in the catalogue`);
  bytes.set(encodeUtf8(to), at);
  Deno.writeFileSync(path, bytes);
}

Deno.test("rows that are damaged so that no table would take them are damaged streams afterwards", () =>
  withTempDir(async (root) => {
    const expected = await unpackVersion3(root);
    change(root, "PRAGMA wal_checkpoint(TRUNCATE)");
    overwrite(root, "tail INTEGER NOT NULL", "tail INTEGER         ");
    change(root, "UPDATE stream SET tail = NULL WHERE name = 'log'");
    overwrite(root, "tail INTEGER         ", "tail INTEGER NOT NULL");
    overwrite(root, "shorttext/plain", "emptytext/plain");
    const storage = await open(root);
    try {
      await rejects(storage.head("short"), { code: "damaged" });
      await rejects(storage.head("log"), { code: "damaged" });
      equal((await storage.head("empty")).contentType, JSON_TYPE);
      const { data } = await storage.read("events", 0, 1 << 20);
      equal(new TextDecoder().decode(data), expected.events?.text);
    } finally {
      await storage.close();
    }
    equal(versionOf(root), FORMAT_VERSION);
  }));

Deno.test("a conversion on a full disk says how much it needs, and goes on once there is room", () =>
  withTempDir(async (root) => {
    const expected = await unpackVersion3(root);
    const fileSystem = new HookedFileSystem();
    let left = 5;
    fileSystem.before = (call) => {
      if (call.call === "write" && call.path.endsWith(".idx.new") && left-- < 0) {
        throw noSpace(call);
      }
    };
    await rejects(open(root, fileSystem), /the disk is full.*room for another catalogue/);
    equal(fileSystem.openFiles, 0);
    equal(versionOf(root), 3);
    await isWholeAndCounted(root, expected);
  }));
