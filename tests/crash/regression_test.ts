import { deepStrictEqual as equal, ok } from "node:assert";
import type { FileSystemErrorKind } from "../../src/env/file_system.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { Call } from "../support/simulation/faults.ts";
import { runHistory } from "./history/history.ts";
import { yieldToEventLoop } from "../support/event_loop.ts";
import type { Machine } from "../support/simulation/machine.ts";
import { checkpoint, get, inTime, machine, outcome, post, put, rest } from "./kit.ts";

/** Bugs that the histories found in this server, each as short as it gets. */

const TTL = { lifetime: { kind: "ttl", ttlSeconds: 10 } } as const;
/** More than small streams have, so that a checkpoint writes a segment. */
const LONG = "x".repeat(20_000);
/** More than a block, which becomes a row. */
const BLOCK = "x".repeat(5000);

Deno.test("a directory just made outlives a power failure, with the folders above it", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const on = machine(seed, { dir: "/mnt/data/streams" });
    await put(await on.open(), "here", "text");
    on.end("crash");
    equal(await get(await on.open(), "here"), "text");
  }
});

Deno.test("a server killed at any call of its first start leaves nothing half made", async () => {
  for (let calls = 1; calls <= 60; calls++) {
    const on = machine(calls);
    await dieAfter(on, calls, "kill");
    await put(await on.open(), "here", "text");
    on.end("crash");
    equal(await get(await on.open(), "here"), "text", `killed at call ${calls}`);
  }
});

Deno.test("killed at any call, then without power at any call of the next start", async () => {
  for (let calls = 1; calls <= 100; calls++) {
    for (const next of [1, 4, 7, 10, 13, 16, 18, 20, 21, 24, 30]) {
      const on = machine(calls * 1000 + next);
      const { process: life } = on.fileSystem;
      const before = await on.open();
      await put(before, "here", "text");
      life.exitAfter(calls);
      const more = answered(on, post(before, "here", BLOCK));
      on.clock.advance(30_000);
      for (let turns = 0; turns < 100 && !life.hasExited; turns++) await yieldToEventLoop();
      const isMore = await more;
      on.end("kill");
      await dieAfter(on, next, "crash");
      const text = await get(await on.open(), "here");
      const where = `killed at call ${calls}, no power at call ${next}`;
      ok(text === `text${BLOCK}` || (!isMore && text === "text"), where);
    }
  }
});

Deno.test("a use that was not stored still counts after a crash and the checkpoint behind it", async () => {
  const on = machine();
  const storage = await on.open({ checkpointStreams: 0 });
  await put(storage, "used", "text", TTL);
  await put(storage, "other");
  await rest();
  for (let crash = 0; crash < 3; crash++) {
    on.clock.advance(8000);
    equal(await get(crash === 0 ? storage : await on.open(), "used"), "text");
    on.end("crash");
    on.clock.advance(4000);
    const next = await on.open();
    await rest();
    equal(await get(next, "used"), "text", `after crash ${crash}`);
    on.end("crash");
  }
});

Deno.test("a use of a stream that has no row yet still counts after a crash", async () => {
  const on = machine();
  const storage = await on.open();
  await put(storage, "used", "text", TTL);
  on.clock.advance(8000);
  equal(await get(storage, "used"), "text");
  on.end("crash");
  on.clock.advance(4000);
  equal(await get(await on.open(), "used"), "text");
});

Deno.test("a close doesn't try again what a checkpoint's sync has failed at", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const on = machine(seed, { hasBarrier: false });
    const storage = await on.open();
    await put(storage, "here", LONG);
    on.fileSystem.faults.add({ call: "sync", kind: "other", path: /segments/ });
    on.clock.advance(30_000);
    await outcome(storage.close());
    on.fileSystem.faults.clear();
    on.end(seed % 2 === 0 ? "crash" : "kill");
    equal(await get(await on.open(), "here"), LONG);
  }
});

Deno.test("no timer tries again what a checkpoint's sync has failed at", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const on = machine(seed, { hasBarrier: false });
    await put(await on.open(), "here", LONG);
    on.fileSystem.faults.add({ call: "sync", kind: "other", path: /segments/ });
    for (let i = 0; i < 3; i++) await checkpoint(on);
    on.end(seed % 2 === 0 ? "crash" : "kill");
    equal(await get(await on.open(), "here"), LONG);
  }
});

Deno.test("a failure while a long record is synced leaves a log that opens", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const on = machine(seed);
    const storage = await on.open();
    await put(storage, "here", LONG);
    on.fileSystem.faults.add({ call: "write", kind: "other", path: /segments/ });
    const long = outcome(post(storage, "here", "x".repeat(90_000)));
    for (let turns = seed % 10; turns > 0; turns--) await yieldToEventLoop();
    on.clock.advance(30_000);
    await long;
    await rest();
    on.end("kill");
    ok((await get(await on.open(), "here")).startsWith(LONG));
  }
});

Deno.test("a stream deleted during a checkpoint keeps what it had until its delete is durable", async () => {
  for (let seed = 1; seed <= 240; seed++) {
    const on = machine(seed);
    const storage = await on.open();
    await put(storage, "here");
    await checkpoint(on);
    await post(storage, "here", LONG);
    on.clock.advance(30_000);
    for (let turns = seed % 60; turns > 0; turns--) await yieldToEventLoop();
    on.fileSystem.faults.add({ call: "sync", kind: "other", path: /wal/ });
    equal(await outcome(storage.delete("here")), "storage_failed");
    await rest();
    on.end("crash");
    const after = await on.open();
    await rest();
    const isThere = await outcome(after.head("here")) === "done";
    if (isThere) equal(await get(after, "here"), LONG, `seed ${seed}`);
  }
});

for (const call of ["remove", "rename", "sync directory"] satisfies Call[]) {
  Deno.test(`a used log file that stays because of a failed ${call} leaves no gap`, async () => {
    for (let after = 0; after < 6; after++) {
      const on = machine(after);
      const storage = await on.open();
      await put(storage, "here");
      let text = "";
      for (let i = 0; i < 60; i++) {
        const { faults } = on.fileSystem;
        if (i % 20 === 10) faults.add({ call, kind: "no_space", path: /wal/, after });
        const line = `${i}${LONG}`;
        if (await inTime(on, post(storage, "here", line)) === "done") text += line;
        if (i % 10 === 9) await checkpoint(on);
      }
      on.fileSystem.faults.clear();
      await checkpoint(on);
      on.end("crash");
      equal(await get(await on.open(), "here"), text);
    }
  });
}

Deno.test("what was let in before a close is answered, and is what it was said to be", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const on = machine(seed);
    const storage = await on.open();
    const contentType = "application/json";
    const body = encodeUtf8(JSON.stringify(Array.from({ length: 2000 }, (_, i) => i)));
    await storage.create("source", { contentType, body });
    await checkpoint(on);
    const fork = outcome(
      storage.create("fork", { fork: { source: "source", offset: 0, subOffset: 1500 } }),
    );
    for (let turns = seed % 5; turns > 0; turns--) await yieldToEventLoop();
    await storage.close();
    const said = await fork;
    on.end("kill");
    const found = await outcome((await on.open()).head("fork"));
    if (said === "done") equal(found, "done");
    else equal(said, "storage_closed");
  }
});

/** Starts the storage, and ends the process after so many calls. */
async function dieAfter(on: Machine, calls: number, how: "crash" | "kill"): Promise<void> {
  const { process } = on.fileSystem;
  process.exitAfter(calls);
  let isOpen = false;
  on.open().then(() => isOpen = true, () => {});
  for (let turns = 0; turns < 300 && !isOpen && !process.hasExited; turns++) {
    await yieldToEventLoop();
  }
  on.end(how);
}

/** Whether a call was answered before the process ended. */
async function answered(on: Machine, call: Promise<unknown>): Promise<boolean> {
  const { process } = on.fileSystem;
  const done = call.then(() => !process.hasExited, () => false);
  return await Promise.race([
    done,
    process.exited.then(() => yieldToEventLoop()).then(() => false),
  ]);
}

Deno.test("a stream that a checkpoint holds doesn't leave memory and lose its dirty mark", async () => {
  // After a kill between a checkpoint's rows and its state nothing is dirty, and all is stored once more.
  const { violation } = await runHistory(325_685_262);
  equal(violation?.message, undefined);
});

Deno.test("a segment that goes for a full disk before it is synced fails no checkpoint", async () => {
  for (let turns = 0; turns < 5; turns++) {
    const on = machine();
    const storage = await on.open({
      ...{ earlyWriteBytes: 8192, checkpointStreams: 0, fsync: "never" },
      ...{ segmentBytes: 65_536, walBytes: 262_144, maxLoadedStreams: 2, maxOpenFiles: 4 },
    });
    on.fileSystem.faults.add({ call: "store", kind: "no_space", after: 0, times: 1 });
    await put(storage, "e", "x".repeat(11_000));
    await put(storage, "a");
    const others = ["b", "c", "d", "f"].map((name) => put(storage, name, "y".repeat(9000)));
    await post(storage, "a", "x".repeat(10_000));
    await rest(turns);
    await storage.delete("a");
    await Promise.all(others);
    for (let i = 0; i < 3; i++) await checkpoint(on);
    equal(storage.status().reason, undefined);
  }
});

for (const kind of ["other", "too_many_open_files"] satisfies FileSystemErrorKind[]) {
  Deno.test(`a look-up that fails in a checkpoint, ${kind}, ends nothing`, async () => {
    const on = machine();
    const storage = await on.open();
    await put(storage, "here", LONG);
    await put(storage, "doomed", LONG);
    await checkpoint(on);
    await storage.delete("doomed");
    await post(storage, "here", "more");
    on.fileSystem.faults.add({ call: "look up", kind, path: /segments$/ });
    await checkpoint(on);
    equal(on.fileSystem.faults.fired.length, 1);
    equal(storage.status().state, "ok");
    await post(storage, "here", "+");
    on.end("crash");
    equal(await get(await on.open(), "here"), `${LONG}more+`);
  });
}

Deno.test("a look-up that fails while streams expire keeps no other from its end", async () => {
  const on = machine();
  const storage = await on.open({ maxLoadedStreams: 1 });
  const ending = (ttlSeconds: number) => ({ lifetime: { kind: "ttl", ttlSeconds } } as const);
  for (const name of ["stored", "another"]) await put(storage, name, "text", ending(50));
  await checkpoint(on);
  equal(storage.status().figures.loadedStreams, 0);
  for (const name of ["a", "b", "c"]) await put(storage, name, "text", ending(20));
  on.fileSystem.faults.add({ call: "look up", kind: "other", path: /byId$/ });
  for (let second = 0; second < 22; second++) {
    on.clock.advance(1000);
    await rest(20);
  }
  equal(on.fileSystem.faults.fired.length, 1);
  equal(storage.status().figures.loadedStreams, 0);
});

for (const isStored of [false, true]) {
  Deno.test(
    `a name made again after a full disk's deletions is found and made once, ${
      isStored ? "with" : "without"
    } a row before`,
    async () => {
      const on = machine();
      const first = await on.open();
      await put(first, "x", "old");
      if (isStored) await checkpoint(on);
      await first.delete("x");
      for (const name of ["a", "b", "c"]) await put(first, name);
      on.end("crash");
      const options = { maxLoadedStreams: 1 };
      on.fileSystem.faults.add({ call: "store", kind: "no_space", after: 1, times: 3 });
      on.fileSystem.faults.add({ call: "store state", kind: "no_space", after: 1, times: 1000 });
      const storage = await on.open(options);
      await rest();
      ok(on.fileSystem.faults.fired.length > 0, "the disk is full");
      await put(storage, "x", "new");
      for (let i = 0; i < 4; i++) await checkpoint(on);
      for (const name of ["a", "b", "c"]) await post(storage, name, "text");
      for (let i = 0; i < 2; i++) await checkpoint(on);
      const again = async (on: Storage) =>
        (await on.create("x", { contentType: "text/plain" })).created;
      equal([await get(storage, "x"), await again(storage)], ["new", false]);
      await post(storage, "x", "+more");
      on.end("crash");
      const next = await on.open(options);
      equal([await get(next, "x"), await again(next)], ["new+more", false]);
      for (let i = 0; i < 2; i++) await checkpoint(on);
      equal(next.status().state, "ok");
      on.end("crash");
      equal(await get(await on.open(options), "x"), "new+more");
    },
  );
}

for (const kind of ["other", "too_many_open_files"] satisfies FileSystemErrorKind[]) {
  Deno.test(`a look-up that fails at a start, ${kind}, damages nothing`, async () => {
    for (let after = 0; after < 20; after++) {
      const on = machine();
      const first = await on.open();
      for (const name of ["source", "other"]) await put(first, name, LONG);
      await checkpoint(on);
      await first.create("fork", { fork: { source: "source" } });
      const producer = { id: "p", epoch: 0, seq: 0 };
      await post(first, "other", "more", { producer });
      on.end("crash");
      on.fileSystem.faults.add({ call: "look up", kind, after });
      const begun = await on.open().catch(() => undefined);
      on.fileSystem.faults.clear();
      if (begun === undefined) on.end("kill");
      const storage = begun ?? await on.open();
      for (const name of ["source", "fork", "other"]) await post(storage, name, "+");
      const texts = ["source", "fork", "other"].map((name) => get(storage, name));
      equal(await Promise.all(texts), [`${LONG}+`, `${LONG}+`, `${LONG}more+`]);
    }
  });
}

Deno.test("files that couldn't be opened for their sync are synced by the next try", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const on = machine(seed, { hasBarrier: false });
    const storage = await on.open();
    for (const name of ["a", "b"]) await put(storage, name, LONG);
    const after = seed % 10;
    on.fileSystem.faults.add({
      call: "open",
      kind: "too_many_open_files",
      path: /segments/,
      after,
    });
    await checkpoint(on);
    await checkpoint(on);
    equal([storage.status().state, storage.status().figures.checkpoints > 0], ["ok", true]);
    on.end("crash");
    const next = await on.open();
    for (const name of ["a", "b"]) equal(await get(next, name), LONG);
  }
});
