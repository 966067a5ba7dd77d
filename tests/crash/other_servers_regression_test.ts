import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { notOpened, rejectsWith } from "../support/expect.ts";
import { SimulatedFolder } from "../support/simulation/simulated_names.ts";
import { checkpoint, get, machine, outcome, post, put, rest } from "./kit.ts";

/**
 * What went wrong in other servers, each on a disk that behaves as badly as it may. The bugs that were
 * found in this one stand in `regression_test.ts`.
 */

/** A small log, so that its files are full soon. */
const WAL = { walBytes: 256 * 1024 };

Deno.test("a log of several files is recovered whole, and not its first file only", async () => {
  const on = machine();
  const before = await on.open({ walBytes: 1024 * 1024 });
  await put(before, "log");
  let text = "";
  for (let i = 0; i < 60; i++) {
    const line = `${i}${"x".repeat(5000)}\n`;
    text += line;
    await post(before, "log", line);
  }
  const files = on.fileSystem.list("/streams/wal")?.filter((name) => name.endsWith(".wal"));
  ok((files?.length ?? 0) > 1, "the log has several files");
  on.end("crash");
  equal(await get(await on.open(), "log"), text);
});

Deno.test("a torn tail of a quiet stream never becomes visible", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const on = machine(seed);
    const first = await on.open();
    await put(first, "quiet", "seen");
    on.fileSystem.faults.add({ call: "write", kind: "other", path: /wal/ });
    equal(await outcome(post(first, "quiet", "torn".repeat(1000))), "storage_failed");
    on.end(seed % 2 === 0 ? "crash" : "kill");
    const second = await on.open();
    const found = await get(second, "quiet");
    ok(found === "seen" || found === `seen${"torn".repeat(1000)}`, "whole or not at all");
    await put(second, "other", "later");
    on.end("crash");
    const third = await on.open();
    equal(await get(third, "quiet"), found);
    await post(third, "quiet", "+");
    equal(await get(third, "quiet"), `${found}+`);
  }
});

Deno.test("half a record with its length before it spoils no later read", async () => {
  for (let calls = 1; calls <= 8; calls++) {
    for (let seed = 0; seed < 8; seed++) {
      const on = machine(seed);
      const before = await on.open();
      await put(before, "here", "text");
      on.fileSystem.process.exitAfter(calls);
      const long = "x".repeat(3000);
      void outcome(post(before, "here", long));
      await rest(30);
      on.end("kill");
      const after = await on.open();
      const found = await get(after, "here");
      ok(found === "text" || found === `text${long}`, `killed at call ${calls}`);
      await post(after, "here", "more");
      on.end("crash");
      equal(await get(await on.open(), "here"), `${found}more`);
    }
  }
});

Deno.test("an acknowledged DELETE doesn't come back", async () => {
  for (const isStored of [false, true]) {
    const on = machine();
    const first = await on.open();
    await put(first, "doomed", "text");
    await put(first, "kept", "text");
    if (isStored) await checkpoint(on);
    await first.delete("doomed");
    on.end("crash");
    let storage = await on.open();
    for (let start = 0; start < 3; start++) {
      equal(await outcome(storage.head("doomed")), "not_found");
      await checkpoint(on);
      await post(storage, "kept", "more");
      await checkpoint(on);
      equal(await outcome(storage.head("doomed")), "not_found");
      on.end("crash");
      storage = await on.open();
    }
    await put(storage, "doomed", "new");
    on.end("crash");
    equal(await get(await on.open(), "doomed"), "new");
  }
});

Deno.test("a newest log file without a record is no damage", async () => {
  const on = machine();
  await put(await on.open(), "here", "text");
  for (let start = 0; start < 6; start++) {
    on.end(start % 2 === 0 ? "crash" : "kill");
    equal(await get(await on.open(), "here"), "text");
  }
});

Deno.test("a missing mount isn't taken for an empty directory", async () => {
  await notOpened(machine().open({ mustExist: true }), "empty", /missing/);
  const empty = machine();
  empty.fileSystem.makeDirectory("/streams");
  await notOpened(empty.open({ mustExist: true }), "empty", /mounted/);
});

Deno.test("a directory that has lost a part isn't made anew", async () => {
  for (const part of ["FORMAT", "catalog.sqlite", "wal", "segments"]) {
    const on = machine();
    await put(await on.open(), "here", "text");
    await checkpoint(on);
    on.end("kill");
    const root = on.fileSystem.disk.find("/streams");
    ok(root instanceof SimulatedFolder);
    root.seen.delete(part);
    await rejects(on.open(), /missing|damaged|no log/, part);
  }
});

Deno.test("a failed sync isn't tried again: no write succeeds until the next start, reads do", async () => {
  const on = machine();
  const before = await on.open();
  await put(before, "here", "kept");
  on.fileSystem.faults.add({ call: "sync", kind: "other", path: /wal/ });
  equal(await outcome(post(before, "here", "lost?")), "storage_failed");
  for (let i = 0; i < 3; i++) {
    equal(await outcome(post(before, "here", "no")), "storage_failed");
    equal(await outcome(before.create("new", {})), "storage_failed");
    equal(await outcome(before.delete("here")), "storage_failed");
    equal(await get(before, "here"), "kept");
    await checkpoint(on);
  }
  equal(on.database.tables?.state.lsn, 0, "nothing is stored after a failure");
  on.end("crash");
  const after = await on.open();
  ok(["kept", "keptlost?"].includes(await get(after, "here")), "whole or not at all");
  equal(await outcome(post(after, "here", "yes")), "done");
});

for (
  const [what, fault] of [
    ["the segments' disk is full", { call: "write", path: /segments/ }],
    ["the catalogue's disk is full", { call: "store" }],
    ["the catalogue's disk is full at the end", { call: "store state" }],
  ] as const
) {
  Deno.test(`a checkpoint forgets nothing when ${what}`, async () => {
    const on = machine();
    const before = await on.open(WAL);
    await put(before, "here");
    const { faults } = on.fileSystem;
    faults.add({ ...fault, kind: "no_space", times: Infinity });
    let text = "";
    let last = "done";
    for (let i = 0; i < 200 && last === "done"; i++) {
      const line = `${i}${"x".repeat(5000)}\n`;
      last = await outcome(post(before, "here", line));
      if (last === "done") text += line;
    }
    equal(last, "storage_full");
    ok(text.length > 100_000, "appends went on until the log was full");
    ok(faults.fired.length > 0);
    equal(await get(before, "here"), text);
    faults.clear();
    await checkpoint(on);
    await checkpoint(on);
    equal(await outcome(post(before, "here", "end")), "done");
    on.end("crash");
    equal(await get(await on.open(WAL), "here"), `${text}end`);
  });
}

Deno.test("a DELETE gets through when the log is full", async () => {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "here");
  on.fileSystem.faults.add({ call: "store", kind: "no_space", times: Infinity });
  let last = "done";
  while (last === "done") last = await outcome(post(storage, "here", "x".repeat(5000)));
  equal(last, "storage_full");
  equal(await outcome(storage.delete("here")), "done");
  on.fileSystem.faults.clear();
  on.end("crash");
  equal(await outcome((await on.open(WAL)).head("here")), "not_found");
});

Deno.test("appends at the same time never get the same offset", async () => {
  const on = machine();
  const before = await on.open();
  await put(before, "busy");
  const lines = Array.from({ length: 200 }, (_, i) => `<${i}>`);
  const answers = await Promise.all(lines.map((line) => post(before, "busy", line)));
  const starts = answers.map(({ tail }, i) => tail - (lines[i]?.length ?? 0));
  equal(new Set(starts).size, lines.length);
  on.end("crash");
  const text = await get(await on.open(), "busy");
  equal(text.length, lines.join("").length);
  for (const [i, line] of lines.entries()) ok(text.startsWith(line, starts[i]), `${line} is there`);
});

Deno.test("a fork that is refused for its type leaves no reference", async () => {
  const on = machine();
  const storage = await on.open();
  await put(storage, "source", "text");
  const wrong = { contentType: "image/png", fork: { source: "source" } };
  await rejectsWith(storage.create("fork", wrong), "content_type_mismatch");
  await storage.delete("source");
  await rejectsWith(storage.head("source"), "not_found");
  await put(storage, "source", "free again");
  on.end("crash");
  equal(await get(await on.open(), "source"), "free again");
});

Deno.test("a second DELETE of what only forks keep is refused, and the last fork's frees it", async () => {
  const on = machine();
  let storage = await on.open();
  await put(storage, "source", "text");
  await storage.create("fork", { fork: { source: "source" } });
  await storage.delete("source");
  on.end("crash");
  storage = await on.open();
  await rejectsWith(storage.delete("source"), "gone");
  equal(await get(storage, "fork"), "text");
  await checkpoint(on);
  await storage.delete("fork");
  on.end("crash");
  storage = await on.open();
  await rejectsWith(storage.head("source"), "not_found");
  await rest();
});
