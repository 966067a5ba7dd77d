import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { FileSystemErrorKind } from "../../../../src/env/file_system.ts";
import { sqliteErrorKind } from "../../../../src/storage/file/directory/sqlite_error.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import type { Fault } from "../../../support/simulation/faults.ts";
import type { Machine } from "../../../support/simulation/machine.ts";
import { checkpoint, get, inTime, machine, outcome, post, put, rest } from "../../../crash/kit.ts";

/** What is lacking for a while, room or descriptors, is waited for: no write is refused for good. */

const KIB = 1024;
const WAL = { walBytes: 256 * KIB, segmentBytes: 16 * KIB };
const LINE = "x".repeat(5000);
const NO_FILES = { call: "open", kind: "too_many_open_files", times: Infinity } as const;

/** Appends, several log files, checkpoints, segments and deletions; what was acknowledged. */
async function live(on: Machine, storage: Storage): Promise<string> {
  let text = "";
  for (let i = 0; i < 30; i++) {
    const line = `${i}${LINE}\n`;
    if (await inTime(on, post(storage, "here", line)) === "done") text += line;
    if (i % 10 === 5) await inTime(on, storage.delete(`gone${i}`));
    if (i % 10 === 0) await inTime(on, put(storage, `gone${i + 5}`, LINE));
    if (i % 10 === 8) await checkpoint(on);
  }
  return text;
}

/** With the fault over, the storage writes again, and a crash takes nothing of what it said. */
async function checkWell(on: Machine, storage: Storage, text: string, where: string) {
  on.fileSystem.faults.clear();
  for (let i = 0; i < 3; i++) await checkpoint(on);
  deepEqual([storage.status().state, storage.status().reason], ["ok", undefined], where);
  equal(await inTime(on, post(storage, "here", "end")), "done", where);
  equal(await get(storage, "here"), `${text}end`, where);
  await checkpoint(on);
  on.end("crash");
  equal(await get(await on.open(WAL), "here"), `${text}end`, where);
}

const SCARCE: readonly [string, Omit<Fault, "kind" | "after">, FileSystemErrorKind, number][] = [
  ["a file can't be opened", { call: "open" }, "too_many_open_files", 1],
  ["a folder can't be opened for its sync", { call: "sync directory" }, "too_many_open_files", 1],
  ["SQLite can't open a file for rows", { call: "store" }, "too_many_open_files", 1],
  ["SQLite can't open a file for its state", { call: "store state" }, "too_many_open_files", 1],
  ["a batch finds no room", { call: "write", path: /\.wal$|spare/ }, "no_space", 7],
];

for (const [what, fault, kind, step] of SCARCE) {
  Deno.test(`whenever ${what}, all goes on once it can`, async () => {
    let met = 0;
    for (const times of [1, 8]) {
      for (let after = 0; after < 120; after += step * (times === 1 ? 1 : 5)) {
        const on = machine(after + 1);
        const storage = await on.open({ ...WAL, barrierFiles: after % 2 === 0 ? 0 : 4096 });
        await put(storage, "here");
        await rest();
        on.fileSystem.faults.add({ ...fault, kind, after, times });
        const text = await live(on, storage);
        met += on.fileSystem.faults.fired.length;
        await checkWell(on, storage, text, `after ${after}, ${times} times`);
      }
    }
    ok(met > 5, `${met} faults were met`);
  });
}

Deno.test("without descriptors appends go on as far as the log's files do, then get 503 and a reason", async () => {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "here");
  on.fileSystem.faults.add(NO_FILES);
  let text = "";
  let last = "done";
  while (last === "done") {
    last = await inTime(on, post(storage, "here", LINE));
    if (last === "done") text += LINE;
  }
  equal(last, "overloaded");
  ok(text.length > 0);
  const { state, reason } = storage.status();
  equal(state, "out_of_files");
  match(reason ?? "", /can't open another file/);
  equal(await get(storage, "here"), text);
  await checkWell(on, storage, text, "at last");
});

/** A storage whose newest batch is held, since not even what is written in place finds room. */
async function held(times = Infinity) {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "here", "a;");
  await put(storage, "gone", "text");
  await checkpoint(on);
  await rest();
  on.fileSystem.faults.add({ call: "write", kind: "no_space", path: /spare|\.wal$/, times });
  let answer = "";
  void outcome(post(storage, "here", "b;")).then((code) => answer = code);
  await rest(20);
  equal(answer, "");
  return { on, storage, answer: () => answer };
}

Deno.test("a batch that finds no room is written once more, and meanwhile others are told so", async () => {
  const { on, storage, answer } = await held();
  equal(await outcome(post(storage, "here", "c;")), "storage_full");
  equal(await outcome(storage.create("new", {})), "storage_full");
  equal(await get(storage, "here"), "a;");
  equal(storage.status().state, "full");
  on.clock.advance(500);
  await rest(20);
  equal([answer(), storage.status().state].join(), ",full");
  on.fileSystem.faults.clear();
  on.clock.advance(8000);
  await rest(20);
  equal([answer(), storage.status().state].join(), "done,ok");
  await post(storage, "here", "d;");
  on.end("crash");
  equal(await get(await on.open(WAL), "here"), "a;b;d;");
});

Deno.test("a DELETE gets a batch that is held through, with the ballast's room", async () => {
  const { on, storage, answer } = await held(1);
  const hasBallast = () => on.fileSystem.list(on.dir)?.includes("ballast");
  ok(hasBallast());
  equal(await outcome(storage.delete("gone")), "done");
  equal(answer(), "done");
  on.end("crash");
  const again = await on.open(WAL);
  equal(await get(again, "here"), "a;b;");
  equal(await outcome(again.head("gone")), "not_found");
});

Deno.test("a DELETE that even the ballast's room doesn't help is told that the disk is full", async () => {
  const { on, storage } = await held();
  const first = outcome(storage.delete("gone"));
  await rest(20);
  equal(await outcome(storage.delete("here")), "storage_full");
  on.fileSystem.faults.clear();
  on.clock.advance(8000);
  equal(await first, "done");
});

Deno.test("what is held when the power goes is there whole or not at all", async () => {
  for (const how of ["crash", "kill"] as const) {
    const { on } = await held();
    on.end(how);
    const storage = await on.open(WAL);
    const text = await get(storage, "here");
    ok(text === "a;" || text === "a;b;", text);
    await post(storage, "here", "c;");
    on.end("crash");
    equal(await get(await on.open(WAL), "here"), `${text}c;`);
  }
});

Deno.test("a close doesn't wait for room: what is held was never acknowledged, and is told so", async () => {
  const { on, storage, answer } = await held();
  await outcome(storage.close());
  await rest(20);
  equal(answer(), "storage_failed");
  equal(on.fileSystem.openFiles, 0);
});

Deno.test("an input/output error in a write is no want of room, and the end", async () => {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "here", "a;");
  on.fileSystem.faults.add({ call: "write", kind: "other", path: /spare|\.wal$/ });
  equal(await outcome(post(storage, "here", "b;")), "storage_failed");
  equal(await outcome(post(storage, "here", "c;")), "storage_failed");
});

Deno.test("SQLite's errors are told apart by what they lack", () => {
  const failed = (message: string, errcode?: number) =>
    sqliteErrorKind(Object.assign(new Error(message), errcode === undefined ? {} : { errcode }));
  equal(failed("unable to open database file", 14), "cannot_open");
  equal(failed("unable to open database file"), "cannot_open");
  // SQLITE_CANTOPEN_FULLPATH: the low byte is what counts.
  equal(failed("?", 14 | (3 << 8)), "cannot_open");
  equal(failed("database or disk is full", 13), "full");
  equal(failed("disk I/O error", 10), "unavailable");
});

Deno.test("a barrier that fails is a sync that fails, also where it says that files were short", async () => {
  const on = machine();
  const storage = await on.open({ ...WAL, barrierFiles: 0 });
  await put(storage, "here", "a;".repeat(40_000));
  on.fileSystem.faults.add({ call: "barrier", kind: "too_many_open_files" });
  await rest();
  await outcome(post(storage, "here", "b;".repeat(40_000)));
  await checkpoint(on);
  await rest(20);
  ok(on.fileSystem.faults.fired.length > 0);
  equal(storage.status().state, "failed");
  on.end("crash");
  const text = await get(await on.open(WAL), "here");
  ok(text.startsWith("a;".repeat(40_000)), `${text.length} bytes are left`);
});
