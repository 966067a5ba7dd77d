import { deepStrictEqual as equal, ok } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import {
  encodeFormat,
  FORMAT_VERSION,
} from "../../../../src/storage/file/directory/format_file.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import type { FileStorageOptions } from "../../../../src/storage/file/options.ts";
import { notOpened } from "../../../support/expect.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { flipBit } from "../../../support/wal_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const OTHER_UUID = "ffffffff-ffff-4fff-8fff-ffffffffffff";

function open(dir: string, options: Partial<FileStorageOptions> = {}) {
  return openFileStorage({ walBytes: 256 * 1024, ...options, dir });
}

/** A directory that holds a stream, closed. */
async function makeUsed(dir: string): Promise<void> {
  const storage = await open(dir);
  await storage.create("s", { contentType: "text/plain", body: encodeUtf8("abc") });
  await storage.close();
}

async function isWhole(dir: string): Promise<void> {
  const storage = await open(dir);
  equal((await storage.head("s")).tail, 3);
  await storage.close();
}

/** A test with a directory that holds a stream. */
function used(title: string, run: (dir: string) => Promise<void>): void {
  Deno.test(title, () =>
    withTempDir(async (root) => {
      const dir = `${root}/streams`;
      await makeUsed(dir);
      await run(dir);
    }));
}

Deno.test("a missing directory is made, and those above it", () =>
  withTempDir(async (root) => {
    await makeUsed(`${root}/a/b/c`);
    await isWhole(`${root}/a/b/c`);
    const names = [...Deno.readDirSync(`${root}/a/b/c`)].map(({ name }) => name).sort();
    ok(["FORMAT", "LOCK", "catalog.sqlite", "segments", "wal"].every((it) => names.includes(it)));
  }));

Deno.test("an empty directory is accepted, and so is the root of a file system", () =>
  withTempDir(async (dir) => {
    await Deno.mkdir(`${dir}/lost+found`);
    await makeUsed(dir);
    await isWhole(dir);
  }));

Deno.test("a directory may have any name", () =>
  withTempDir(async (root) => {
    for (const name of ["a b", "#1", "what?", "100%41", "ü", "'\";--"]) {
      await makeUsed(`${root}/${name}`);
      await isWhole(`${root}/${name}`);
    }
    equal([...Deno.readDirSync(root)].length, 6);
  }));

Deno.test("--must-exist rejects a missing directory and an empty one", () =>
  withTempDir(async (root) => {
    const dir = `${root}/streams`;
    await notOpened(open(dir, { mustExist: true }), "empty", /streams: the directory is missing/);
    await Deno.mkdir(dir);
    await notOpened(open(dir, { mustExist: true }), "empty", /is empty.*mounted/);
    equal([...Deno.readDirSync(dir)], []);
    await makeUsed(dir);
    await (await open(dir, { mustExist: true })).close();
  }));

Deno.test("a directory of another program is rejected and left alone", () =>
  withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/thesis.txt`, "mine");
    await notOpened(open(dir), "foreign", /no FORMAT file; it holds "thesis.txt"/);
    equal([...Deno.readDirSync(dir)].map(({ name }) => name), ["thesis.txt"]);
  }));

used("a directory in use is rejected with the number of the process", async (dir) => {
  const storage = await open(dir);
  await notOpened(open(dir), "in_use", new RegExp(`LOCK: .*process ${Deno.pid},`));
  await storage.close();
  await isWhole(dir);
});

used("an unknown version is rejected", async (dir) => {
  await Deno.writeFile(`${dir}/FORMAT`, encodeFormat({ version: 7, uuid: OTHER_UUID }));
  await notOpened(
    open(dir),
    "unknown_version",
    /FORMAT: .*version 7, and this program reads version 6\. A newer program .*MAINTENANCE/,
  );
  await Deno.writeFile(`${dir}/FORMAT`, encodeFormat({ version: 1, uuid: OTHER_UUID }));
  await notOpened(open(dir), "unknown_version", /version 1, .*An older program .*copy its streams/);
});

used("a damaged FORMAT is rejected", async (dir) => {
  for (let position = 0; position < 60; position += 7) {
    flipBit(`${dir}/FORMAT`, position);
    await notOpened(open(dir), "damaged", /FORMAT: damaged/);
    flipBit(`${dir}/FORMAT`, position);
  }
  await isWhole(dir);
});

for (const part of ["wal", "segments", "catalog.sqlite"]) {
  used(`a directory without ${part} is rejected`, async (dir) => {
    await Deno.rename(`${dir}/${part}`, `${dir}/../aside`);
    await notOpened(open(dir), "incomplete", new RegExp(`${part} is missing`));
    await Deno.rename(`${dir}/../aside`, `${dir}/${part}`);
    await isWhole(dir);
  });
}

used("missing log files are rejected", async (dir) => {
  await Deno.remove(`${dir}/wal`, { recursive: true });
  await Deno.mkdir(`${dir}/wal`);
  await notOpened(open(dir), "incomplete", /wal: there is no log file/);
});

used("a missing FORMAT is rejected where there are streams", async (dir) => {
  const format = await Deno.readFile(`${dir}/FORMAT`);
  await Deno.remove(`${dir}/FORMAT`);
  await notOpened(open(dir), "incomplete", /FORMAT is missing, but there are streams/);
  await Deno.writeFile(`${dir}/FORMAT`, format);
  await isWhole(dir);
});

used("FORMAT of another directory is rejected", async (dir) => {
  await Deno.writeFile(
    `${dir}/FORMAT`,
    encodeFormat({ version: FORMAT_VERSION, uuid: OTHER_UUID }),
  );
  await notOpened(open(dir), "damaged", /catalogue belongs to directory .*FORMAT to ffffffff/);
});

used("the log of another directory is rejected", async (dir) => {
  await makeUsed(`${dir}-2`);
  await Deno.remove(`${dir}/wal`, { recursive: true });
  await Deno.rename(`${dir}-2/wal`, `${dir}/wal`);
  await notOpened(open(dir), "damaged", /\.wal: belongs to directory/);
});

used("a file that is no catalogue is rejected", async (dir) => {
  await Deno.writeTextFile(`${dir}/catalog.sqlite`, "not a database".repeat(1000));
  await notOpened(open(dir), "damaged", /catalog\.sqlite: damaged/);
});

used("a catalogue with a changed state is rejected", async (dir) => {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  database.exec("UPDATE state SET position = position - 1");
  database.close();
  await notOpened(open(dir), "damaged", /catalog\.sqlite: damaged .*state/);
});

Deno.test("a catalogue that is older than the log is rejected", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { walBytes: 256 * 1024 });
    await kit.open();
    await kit.close();
    await Deno.copyFile(`${kit.dir}/catalog.sqlite`, `${root}/old`);
    const storage = await kit.open();
    await storage.create("s", { contentType: "text/plain" });
    for (let i = 0; i < 5; i++) {
      await storage.append("s", { contentType: "text/plain", body: new Uint8Array(60_000) });
      await kit.checkpoint();
    }
    await kit.close();
    await Deno.copyFile(`${root}/old`, `${kit.dir}/catalog.sqlite`);
    await notOpened(
      kit.open(),
      "damaged",
      /begins at record \d+, but the catalogue .* up to 0 only/,
    );
  }));

Deno.test("a log that is older than the catalogue is rejected", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { walBytes: 256 * 1024 });
    await kit.open();
    await kit.close();
    await Deno.rename(`${kit.dir}/wal`, `${root}/old`);
    await Deno.mkdir(`${kit.dir}/wal`);
    for (const { name } of Deno.readDirSync(`${root}/old`)) {
      await Deno.copyFile(`${root}/old/${name}`, `${kit.dir}/wal/${name}`);
    }
    await (await kit.open()).create("s", { body: new Uint8Array(3) });
    await kit.close();
    await Deno.remove(`${kit.dir}/wal`, { recursive: true });
    await Deno.rename(`${root}/old`, `${kit.dir}/wal`);
    await notOpened(kit.open(), "damaged", /log ends at record 0, but .* up to 1: .*older/);
  }));

used("a start that fails releases the lock", async (dir) => {
  await Deno.rename(`${dir}/segments`, `${dir}/../aside`);
  await notOpened(open(dir), "incomplete", /segments/);
  await notOpened(open(dir), "incomplete", /segments/);
  await Deno.rename(`${dir}/../aside`, `${dir}/segments`);
  await isWhole(dir);
});

used("a start that fails changes nothing", async (dir) => {
  const [log = ""] = [...Deno.readDirSync(`${dir}/wal`)].map(({ name }) => name).sort();
  const path = `${dir}/wal/${log}`;
  flipBit(path, 3);
  const before = await Deno.readFile(path);
  const catalog = await Deno.readFile(`${dir}/catalog.sqlite`);
  await notOpened(open(dir), "damaged", new RegExp(`${log}: damaged at byte 0`));
  equal(await Deno.readFile(path), before);
  equal(await Deno.readFile(`${dir}/catalog.sqlite`), catalog);
});

Deno.test("a directory whose making was cut short is made again", () =>
  withTempDir(async (root) => {
    let calls = 0;
    const counting = new HookedFileSystem();
    counting.before = () => {
      calls++;
    };
    const storage = await open(`${root}/whole`, { fileSystem: counting });
    const whole = calls;
    await storage.close();
    ok(whole > 10);
    for (let limit = 0; limit < whole; limit++) {
      const dir = `${root}/${limit}`;
      const failing = new HookedFileSystem();
      calls = 0;
      failing.before = ({ call }) => {
        if (calls++ >= limit && call !== "close") throw new Error("cut short");
      };
      await open(dir, { fileSystem: failing }).then(
        (storage) => storage.close().catch(() => {}),
        () => {},
      );
      await makeUsed(dir);
      await Deno.remove(dir, { recursive: true });
    }
  }));

Deno.test("a directory that two make at once is made once", () =>
  withTempDir(async (root) => {
    const dir = `${root}/streams`;
    const results = await Promise.allSettled([open(dir), open(dir)]);
    const opened = results.flatMap((it) => it.status === "fulfilled" ? [it.value] : []);
    equal(opened.length, 1);
    await opened[0]?.create("s", { body: encodeUtf8("abc") });
    await opened[0]?.close();
    await isWhole(dir);
  }));
