import { deepEqual, equal, ok } from "node:assert/strict";
import { read, readSync, write, writeSync } from "node:fs";
import { type IoCalls, nodeFileSystemWith } from "../../src/env/node_file_system.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { get, post, put } from "../crash/kit.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { Random } from "../support/random.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** Each call does a part of what is asked, at least one byte. */
function shortCalls(random: Random): { calls: IoCalls; count: () => number } {
  let short = 0;
  const part = (length: number) => {
    const some = random.between(1, Math.max(1, length));
    if (some < length) short++;
    return some;
  };
  return {
    count: () => short,
    calls: {
      readSync: (file, bytes, offset, length, at) =>
        readSync(file, bytes, offset, part(length), at),
      read: (file, bytes, offset, length, at, done) =>
        read(file, bytes, offset, part(length), at, done),
      writeSync: (file, bytes, offset, length, at) =>
        writeSync(file, bytes, offset, part(length), at),
      write: (file, bytes, offset, length, at, done) =>
        write(file, bytes, offset, part(length), at, done),
    },
  };
}

Deno.test("reads and writes that come short are gone on with", () =>
  withTempDir(async (dir) => {
    const { calls, count } = shortCalls(new Random(1));
    const fileSystem = nodeFileSystemWith(calls);
    const bytes = crypto.getRandomValues(new Uint8Array(50_000));
    const file = fileSystem.open(`${dir}/file`, "create");
    file.writeSync(bytes.subarray(0, 20_000), 0);
    await file.write(bytes.subarray(20_000), 20_000);
    const [now, later] = [new Uint8Array(60_000), new Uint8Array(60_000)];
    deepEqual([file.readSync(now, 0), await file.read(later, 0)], [50_000, 50_000]);
    deepEqual([now.subarray(0, 50_000), later.subarray(0, 50_000)], [bytes, bytes]);
    file.close();
    ok(count() > 4);
  }));

Deno.test("a storage whose every call comes short loses and mixes up nothing", () =>
  withTempDir(async (dir) => {
    const { calls, count } = shortCalls(new Random(2));
    const clock = new ManualClock();
    const open = () =>
      openFileStorage({ dir, fileSystem: nodeFileSystemWith(calls), walBytes: 256 * 1024, clock });
    let storage = await open();
    let text = "";
    await put(storage, "here");
    for (let i = 0; i < 40; i++) {
      const line = `<${i}>`.padEnd(i * 100, ".");
      await post(storage, "here", line);
      text += line;
      if (i % 10 === 9) {
        await storage.close();
        storage = await open();
      }
      equal(await get(storage, "here"), text);
    }
    await storage.close();
    ok(count() > 100, `${count()} calls came short`);
  }));
