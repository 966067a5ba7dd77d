import { deepEqual, equal, ok } from "node:assert/strict";
import type { Storage } from "../../../../src/storage/storage.ts";
import type { Machine } from "../../../support/simulation/machine.ts";
import { checkpoint, get, machine, outcome, post, put, rest } from "../../../crash/kit.ts";

/** The files of a deleted stream go, whoever knows of them and whatever goes wrong meanwhile. */

const KIB = 1024;
const OPTIONS = { walBytes: 1024 * KIB, segmentBytes: 16 * KIB, earlyWriteBytes: 8 * KIB };
const LONG = "x".repeat(5000);
const OBSOLETE = /segments\/.*-/;

/** Segment files of the stream that was made first. */
function filesOfFirst({ fileSystem, dir }: Machine): string[] {
  return (fileSystem.list(`${dir}/segments`) ?? [])
    .flatMap((folder) => fileSystem.list(`${dir}/segments/${folder}`) ?? [])
    .filter((name) => name.startsWith("0000000000000001-"));
}

/** Two streams with segments of which some have no row yet. */
async function withSegments(on: Machine): Promise<Storage> {
  const storage = await on.open(OPTIONS);
  await put(storage, "gone", LONG);
  await put(storage, "kept", LONG);
  for (let i = 0; i < 8; i++) {
    for (const name of ["gone", "kept"]) await post(storage, name, LONG);
    if (i === 3) await checkpoint(on);
  }
  ok(filesOfFirst(on).length >= 4, "there are segments");
  return storage;
}

/** The other stream is whole. */
async function checkKept(storage: Storage): Promise<void> {
  equal(await get(storage, "kept"), LONG.repeat(9));
}

for (const how of ["kill", "crash"] as const) {
  Deno.test(`a delete found in the log after a ${how} takes the files that no row knows along`, async () => {
    const on = machine();
    const before = await withSegments(on);
    await before.delete("gone");
    on.end(how);
    const storage = await on.open(OPTIONS);
    await checkpoint(on);
    deepEqual(filesOfFirst(on), []);
    await checkKept(storage);
  });

  Deno.test(`a delete after a ${how} takes the files along that no row knows`, async () => {
    const on = machine();
    await withSegments(on);
    on.end(how);
    const storage = await on.open(OPTIONS);
    await storage.delete("gone");
    // The start's own may have begun before.
    for (let i = 0; i < 2; i++) await checkpoint(on);
    deepEqual(filesOfFirst(on), []);
    await checkKept(storage);
  });
}

for (
  const [what, call, path] of [
    ["a file can't be removed", "remove", OBSOLETE],
    ["the end of a checkpoint fails", "store state", /./],
    ["a log file can't be freed", "rename", /\.wal$/],
    ["the log's folder can't be synced", "sync directory", /wal$/],
  ] as const
) {
  for (const kind of ["no_space", "too_many_open_files"] as const) {
    Deno.test(`files of a deleted stream go with a later checkpoint where ${what}: ${kind}`, async () => {
      const on = machine();
      const storage = await withSegments(on);
      await checkpoint(on);
      // So much that a log file is freed, and not so much that a checkpoint begins by itself.
      for (let i = 0; i < 60; i++) await post(storage, "kept", LONG);
      await storage.delete("gone");
      on.fileSystem.faults.add({ call, kind, path });
      await checkpoint(on);
      for (let i = 0; i < 3; i++) {
        await put(storage, `later${i}`);
        await checkpoint(on);
      }
      deepEqual(filesOfFirst(on), []);
      equal(storage.status().state, "ok");
    });
  }
}

Deno.test("files that couldn't be removed are by the next start, also one in order", async () => {
  const on = machine();
  let storage = await withSegments(on);
  await storage.delete("gone");
  on.fileSystem.faults.add({ call: "remove", kind: "other", path: OBSOLETE, times: Infinity });
  await checkpoint(on);
  equal(storage.status().state, "ok");
  await storage.close();
  ok(filesOfFirst(on).length > 0, "they are still there");
  on.end("kill");
  storage = await on.open(OPTIONS);
  await rest();
  deepEqual(filesOfFirst(on), []);
  await checkKept(storage);
  equal(await outcome(storage.head("gone")), "not_found");
});
