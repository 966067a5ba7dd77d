import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checkpoint, get, inTime, machine, outcome, post, put, rest } from "../../crash/kit.ts";

const KIB = 1024;
const WAL = { walBytes: 256 * KIB };
const NO_MORE_FILES = {
  call: "write",
  kind: "no_space",
  path: /filling$/,
  times: Infinity,
} as const;

Deno.test("on a full disk nothing is taken that there is no room to write", async () => {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "here");
  on.fileSystem.faults.add(NO_MORE_FILES);
  const texts = Array.from({ length: 300 }, (_, i) => `<${i}>`.padEnd(1000, "."));
  const answers = await Promise.all(texts.map((text) => inTime(on, post(storage, "here", text))));
  deepEqual([...new Set(answers)].sort(), ["done", "storage_full"]);
  const taken = texts.filter((_, i) => answers[i] === "done").join("");
  equal(await get(storage, "here"), taken);
  equal(await outcome(storage.delete("here")), "done");
  on.fileSystem.faults.clear();
  on.clock.advance(10_000);
  await rest();
  equal(await inTime(on, put(storage, "here")), "done");
  on.end("crash");
  equal(await get(await on.open(WAL), "here"), "");
});

Deno.test("a record longer than what is left is refused, and a short one behind it is not", async () => {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "here");
  on.fileSystem.faults.add(NO_MORE_FILES);
  equal(await inTime(on, post(storage, "here", "x".repeat(500 * KIB))), "storage_full");
  equal(await inTime(on, post(storage, "here", "short")), "done");
  equal(await get(storage, "here"), "short");
});

Deno.test("a record longer than the log's limit gets a file of its own, over and over", async () => {
  const on = machine();
  const storage = await on.open({ walBytes: 64 * KIB });
  await put(storage, "here");
  const long = "x".repeat(200 * KIB);
  for (let i = 0; i < 5; i++) equal(await inTime(on, post(storage, "here", long)), "done");
  on.end("kill");
  equal((await (await on.open()).head("here")).tail, 5 * long.length);
});

Deno.test("a DELETE has its room at every moment, also while a long record's file is left", async () => {
  for (let moment = 0; moment < 240; moment++) {
    const on = machine();
    const storage = await on.open(WAL);
    await put(storage, "here");
    await put(storage, "gone");
    // A long file and the next one can still be made, each in two writes.
    on.fileSystem.faults.add({ ...NO_MORE_FILES, after: 4 });
    const long = inTime(on, post(storage, "here", "x".repeat(76_000)));
    await rest(Math.floor(moment / 12));
    for (let i = moment % 12; i > 0; i--) await Promise.resolve();
    equal(await inTime(on, storage.delete("gone")), "done", `at moment ${moment}`);
    equal(await long, "done");
  }
});

Deno.test("a short batch of a producer doesn't overtake the long one before it", async () => {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "here");
  const send = (seq: number, text: string) =>
    inTime(on, post(storage, "here", text, { producer: { id: "p", epoch: 0, seq } }));
  const answers = [send(0, "x".repeat(90_000)), send(1, "short"), send(2, "z".repeat(90_000))];
  deepEqual(await Promise.all(answers), ["done", "done", "done"]);
});

Deno.test("streams deleted on a full disk go first, and then the checkpoint has room", async () => {
  const on = machine();
  const storage = await on.open(WAL);
  await put(storage, "gone", "x".repeat(20_000));
  await put(storage, "kept", "y".repeat(20_000));
  await checkpoint(on);
  await post(storage, "kept", "z".repeat(20_000));
  const hasSegment = () => segments().some((name) => name.startsWith("0000000000000001-"));
  const segments = () =>
    (on.fileSystem.list(`${on.dir}/segments`) ?? [])
      .flatMap((folder) => on.fileSystem.list(`${on.dir}/segments/${folder}`) ?? []);
  ok(hasSegment(), "the stream that will be deleted has a segment");
  on.fileSystem.faults.add({ call: "write", kind: "no_space", path: /segments/, times: Infinity });
  await checkpoint(on);
  equal(await outcome(storage.delete("gone")), "done");
  await rest();
  ok(!hasSegment(), "its segment is gone, though nothing else can be stored");
  on.end("crash");
  const again = await on.open(WAL);
  equal(await outcome(again.head("gone")), "not_found");
  equal((await again.head("kept")).tail, 40_000);
});

Deno.test("starts that are killed one after the other add no log files", async () => {
  const on = machine();
  await put(await on.open(WAL), "here", "a");
  on.end("kill");
  await on.open(WAL);
  const names = on.fileSystem.list(`${on.dir}/wal`);
  for (const how of ["kill", "crash", "kill", "crash"] as const) {
    on.end(how);
    await on.open(WAL);
    deepEqual(on.fileSystem.list(`${on.dir}/wal`), names);
  }
  on.end("crash");
  equal(await get(await on.open(WAL), "here"), "a");
});

Deno.test("a start on a full disk uses the ballast's room", async () => {
  const on = machine();
  let storage = await on.open(WAL);
  await put(storage, "here", "text");
  await rest();
  on.end("kill");
  const hasBallast = () => on.fileSystem.list(on.dir)?.includes("ballast") ?? false;
  ok(hasBallast(), "there is a ballast");
  on.fileSystem.faults.add({ ...NO_MORE_FILES, times: 1 });
  storage = await on.open(WAL);
  equal(await get(storage, "here"), "text");
  await rest();
  ok(hasBallast(), "it is there again");
  equal(await inTime(on, post(storage, "here", "more")), "done");
});

Deno.test("a start on a disk too full for it says what to do, and succeeds once there is room", async () => {
  const on = machine();
  on.fileSystem.faults.add(NO_MORE_FILES);
  const refused = await on.open(WAL).catch((error: unknown) => String(error));
  match(String(refused), /the disk is full \(.*\)\. Make room: a start needs 2 MiB/);
  on.fileSystem.faults.clear();
  equal(await outcome(put(await on.open(WAL), "here")), "done");
});
