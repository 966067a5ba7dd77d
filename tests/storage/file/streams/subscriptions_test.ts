import { deepStrictEqual as equal, match, ok, rejects } from "node:assert";
import { DatabaseSync } from "node:sqlite";
import type { Wake } from "../../../../src/storage/subscription_store.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { notOpened } from "../../../support/expect.ts";
import { Random } from "../../../support/random.ts";
import {
  appendText,
  makeText,
  storeOf,
  subscribe,
  viewSubscriptions,
} from "../../../support/subscription_kit.ts";
import { copyKilled, withTempDir } from "../../../support/temp_dir.ts";
import { until } from "../../../support/until.ts";

const NO_CHECKPOINTS = { checkpointIntervalMs: 1_000_000_000 };

/** Acks all of the wake's streams, up to their tails then. */
async function ackAll(storage: Storage, { subscription }: Wake): Promise<void> {
  await storeOf(storage).delivered(subscription.id, subscription.state.wakeId, "done");
}

Deno.test("subscriptions are after a crash as they were, whether in the log, in rows, or in both", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await makeText(storage, "a/1", "old");
    await subscribe(storage, "all", { pattern: "a/**", description: "all of a" });
    await subscribe(storage, "some", { streams: ["a/2", "b"] });
    await subscribe(storage, "gone", { pattern: "**" });
    await makeText(storage, "a/2", "new");
    await appendText(storage, "a/1", "more");
    await storeOf(storage).link("some", ["a/1", "missing"]);
    await storeOf(storage).unlink("some", "b");
    await appendText(storage, "a/1", "and more");
    await storeOf(storage).delete("gone");
    const before = await viewSubscriptions(storage);
    equal(await viewSubscriptions(await kit.crash()), before);
    await kit.checkpoint();
    equal(await viewSubscriptions(kit.storage), before);
    equal([...kit.catalog.cursors(() => {})].length, 4);
    equal(await viewSubscriptions(await kit.crash()), before);
    equal(await viewSubscriptions(await kit.reopen()), before);
    await storeOf(kit.storage).delete("all");
    await storeOf(kit.storage).unlink("some", "missing");
    const after = await viewSubscriptions(kit.storage);
    equal(await viewSubscriptions(await kit.crash()), after);
    await kit.reopen();
    equal(kit.catalog.subscriptions(() => {}).map(({ name }) => name), ["some"]);
    equal([...kit.catalog.cursors(() => {})].length, 2);
    await kit.close();
  }));

Deno.test("what is pending and what was acked comes through a checkpoint that is cut short", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    for (const name of ["a", "b", "c"]) await makeText(storage, name);
    await subscribe(storage, "s", { pattern: "*" });
    await appendText(storage, "a", "1");
    await kit.checkpoint();
    await appendText(storage, "b", "22");
    const { subscriptions: [info] } = await storeOf(storage).list(undefined, 1);
    ok(info !== undefined);
    const step = await storeOf(storage).step(info.id);
    ok(step.kind === "deliver");
    equal(step.wake.streams.map(({ path }) => path), ["a", "b"]);
    await ackAll(storage, step.wake);
    await appendText(storage, "c", "3");
    await storage.delete("a");
    // Rows are stored, the position isn't: the log has all of it once more.
    const cut = Promise.withResolvers<unknown[]>();
    kit.beforeState = async () => {
      kit.beforeState = () => Promise.resolve();
      copyKilled(kit.dir, `${root}/cut`);
      cut.resolve(await viewSubscriptions(storage));
    };
    await kit.checkpoint();
    const before = await cut.promise;
    const again = new FileKit(`${root}/again`);
    Deno.mkdirSync(`${root}/again`);
    copyKilled(`${root}/cut`, again.dir);
    equal(await viewSubscriptions(await again.open()), before);
    await appendText(again.storage, "b", "4");
    const [found] = await viewSubscriptions(again.storage);
    equal(found?.links.map(({ path }) => path), ["b", "c"]);
    await again.close();
    await kit.close();
  }));

Deno.test("the cursors of a stream that only the log deletes go with it", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await makeText(storage, "a");
    await subscribe(storage, "s", { pattern: "*" });
    await appendText(storage, "a", "1");
    await kit.checkpoint();
    const cursors = () => [...kit.catalog.cursors(() => {})].length;
    equal(cursors(), 1);
    await storage.delete("a");
    await kit.crash();
    await kit.reopen();
    equal(cursors(), 0);
    await kit.close();
  }));

Deno.test("whatever happens, a crash changes nothing of subscriptions", () =>
  withTempDir(async (root) => {
    for (let history = 0; history < 3; history++) {
      const random = new Random(history);
      const kit = new FileKit(`${root}/${history}`);
      Deno.mkdirSync(`${root}/${history}`);
      await kit.open();
      for (let step = 0; step < 50; step++) await act(kit, random);
      await kit.close();
    }
  }));

/** Does one thing of those that subscriptions have to do with. */
async function act(kit: FileKit, random: Random): Promise<void> {
  const { storage } = kit;
  const store = storeOf(storage);
  const stream = `${random.pick(["a", "b"])}/${random.below(3)}`;
  const name = random.pick(["s", "t"]);
  const quietly = async (done: Promise<unknown>) => {
    await done.catch(() => {});
  };
  switch (random.below(11)) {
    case 0:
      return await quietly(makeText(storage, stream, random.pick(["", "x"])));
    case 1:
      return await quietly(storage.delete(stream));
    case 2:
      return await quietly(subscribe(storage, name, {
        pattern: random.pick(["", "a/*", "**"]) || undefined,
        streams: random.pick([[], [stream]]),
      }));
    case 3:
      return await quietly(random.chance(0.5) ? store.delete(name) : store.unlink(name, stream));
    case 4:
      return await quietly(store.link(name, [stream]));
    case 5: {
      const { subscriptions } = await store.list(undefined, 10);
      for (const { id } of subscriptions) {
        const step = await store.step(id);
        if (step.kind === "deliver") await ackAll(storage, step.wake);
      }
      return;
    }
    case 6: {
      const before = await viewSubscriptions(storage);
      equal(await viewSubscriptions(await kit.crash()), before);
      return;
    }
    case 7: {
      const before = await viewSubscriptions(storage);
      equal(await viewSubscriptions(await kit.reopen()), before);
      return;
    }
    case 8:
      return await kit.checkpoint();
    default:
      return await quietly(appendText(storage, stream, "more"));
  }
}

/** A directory with two subscriptions, each with a pending stream, whose log is empty. */
async function stored(root: string): Promise<string> {
  const kit = new FileKit(root);
  const storage = await kit.open();
  for (const name of ["a", "b"]) {
    await makeText(storage, name, "old");
    await subscribe(storage, `of ${name}`, { streams: [name] });
    await appendText(storage, name, "new");
  }
  await kit.close();
  return kit.dir;
}

function change(dir: string, sql: string): void {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  database.exec(sql);
  database.close();
}

Deno.test("a subscription whose row is damaged isn't there, and all others are", () =>
  withTempDir(async (root) => {
    const dir = await stored(root);
    change(dir, "UPDATE subscription SET body = replace(body, 'idle', 'idol') WHERE name = 'of a'");
    const kit = new FileKit(root);
    const storage = await kit.open();
    const names = async () =>
      (await storeOf(kit.storage).list(undefined, 10)).subscriptions.map(({ name }) => name);
    equal(await names(), ["of b"]);
    const { damagedSubscriptions, figures } = storage.status();
    equal(damagedSubscriptions?.map(({ name }) => name), ["of a"]);
    equal(figures.damagedSubscriptions, 1);
    await appendText(storage, "a", "goes on");
    await kit.checkpoint();
    equal((await kit.reopen()).status().figures.damagedSubscriptions, 1);
    await subscribe(kit.storage, "of a", { streams: ["a"] });
    await appendText(kit.storage, "a", "1");
    const before = await viewSubscriptions(kit.storage);
    await kit.reopen();
    equal(kit.storage.status().figures.damagedSubscriptions, 0);
    equal(await names(), ["of a", "of b"]);
    equal(await viewSubscriptions(kit.storage), before);
    equal([...kit.catalog.cursors(() => {})].length, 2);
    await kit.close();
  }));

Deno.test("records of a subscription whose row is damaged are kept, and stop no start", () =>
  withTempDir(async (root) => {
    const dir = await stored(root);
    const kit = new FileKit(root, NO_CHECKPOINTS);
    const storage = await kit.open();
    await storeOf(storage).link("of a", ["c"]);
    await storeOf(storage).link("of b", ["c"]);
    const killed = `${root}/killed`;
    copyKilled(dir, killed);
    await kit.close();
    Deno.mkdirSync(`${root}/again`);
    const again = new FileKit(`${root}/again`);
    copyKilled(killed, again.dir);
    change(again.dir, "UPDATE subscription SET id = 99 WHERE name = 'of a'");
    await again.open();
    equal(
      (await storeOf(again.storage).links("of b", undefined, 9)).links.map(({ path }) => path),
      [
        "b",
        "c",
      ],
    );
    ok([...Deno.readDirSync(again.dir)].some(({ name }) => name.startsWith("damaged-")));
    await again.close();
  }));

Deno.test("where a cursor is damaged, all of its stream is pending", () =>
  withTempDir(async (root) => {
    const dir = await stored(root);
    const acked = async (kit: FileKit, name: string) =>
      (await storeOf(kit.storage).links(name, undefined, 9)).links[0]?.ackedOffset;
    const kit = new FileKit(root);
    await kit.open();
    const [a, b] = [await acked(kit, "of a"), await acked(kit, "of b")];
    ok(a !== "-1" && b !== "-1");
    await kit.close();
    change(
      dir,
      "UPDATE cursor SET position = position + 1 WHERE stream_id = " +
        "(SELECT id FROM stream WHERE name = 'a')",
    );
    const storage = await kit.open();
    equal(await acked(kit, "of a"), "-1");
    equal(await acked(kit, "of b"), b);
    equal(storage.status().damagedSubscriptions?.map(({ name }) => name), ["of a"]);
    await kit.close();
  }));

Deno.test("a subscription with a cursor that damage hides isn't there, and all others are", () =>
  withTempDir(async (root) => {
    const dir = await stored(root);
    change(
      dir,
      "DELETE FROM cursor WHERE stream_id = (SELECT id FROM stream WHERE name = 'a')",
    );
    const kit = new FileKit(root);
    const storage = await kit.open();
    await rejects(storeOf(storage).get("of a"), { code: "subscription_not_found" });
    equal((await storeOf(storage).get("of b")).name, "of b");
    const [damaged] = storage.status().damagedSubscriptions ?? [];
    equal(damaged?.name, "of a");
    match(damaged?.reason ?? "", /should have 1 cursors of subscription \d+, and has 0/);
    await kit.close();
  }));

Deno.test("a damaged stream holds up no other of its subscription", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    for (const name of ["a", "b"]) await makeText(storage, name);
    await subscribe(storage, "s", { pattern: "*" });
    for (const name of ["a", "b"]) await appendText(storage, name, "1");
    await kit.close();
    change(kit.dir, "UPDATE stream SET tail = tail + 1 WHERE name = 'a'");
    const again = await kit.open();
    const { subscriptions: [info] } = await storeOf(again).list(undefined, 1);
    const step = await storeOf(again).step(info?.id ?? 0);
    equal(step.kind === "deliver" && step.wake.streams.map(({ path }) => path), ["b"]);
    await kit.close();
  }));

Deno.test("cursors of nothing that is there stop no start", () =>
  withTempDir(async (root) => {
    const dir = await stored(root);
    change(dir, "INSERT INTO cursor VALUES (77, 88, 3, 1), (9007199254740993, 1, 1, 1)");
    change(dir, "UPDATE cursor SET stream_id = 77 WHERE subscription_id = 2");
    const kit = new FileKit(root);
    const storage = await kit.open();
    equal(storage.status().figures.damagedSubscriptions, 3);
    equal((await storeOf(storage).list(undefined, 10)).subscriptions.length, 2);
    await kit.close();
  }));

Deno.test("a record of a subscription that nothing makes stops the start", () =>
  withTempDir(async (root) => {
    const dir = await stored(root);
    const kit = new FileKit(root, NO_CHECKPOINTS);
    await storeOf(await kit.open()).link("of a", ["c"]);
    copyKilled(dir, `${root}/killed/0`);
    await kit.close();
    const again = new FileKit(`${root}/killed`);
    change(again.dir, "DELETE FROM subscription WHERE name = 'of a'");
    await notOpened(
      again.open(),
      "damaged",
      /\.wal: damaged at byte \d+: expected a row of subscription 2, or its creation before/,
    );
  }));

Deno.test("a subscription that has changed alone is stored, too", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    await subscribe(storage, "s", { pattern: "**" });
    // Time goes on: a checkpoint that was due while one ran is begun at the next interval only.
    const rows = () => {
      kit.clock.advance(20);
      return kit.catalog.subscriptions(() => {});
    };
    await until(() => rows().length === 1, () => "no row");
    await storeOf(storage).link("s", ["a"]);
    await until(() => rows()[0]?.links.length === 1, () => "no link");
    await kit.close();
  }));

Deno.test("many changes of subscriptions begin a checkpoint", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { ...NO_CHECKPOINTS, checkpointStreams: 5 });
    const storage = await kit.open();
    for (let i = 0; i < 6; i++) await subscribe(storage, `s${i}`, { pattern: "**" });
    await until(() => storage.status().figures.checkpoints > 0, () => "no checkpoint");
    await kit.close();
  }));

Deno.test("ids go on behind those of subscriptions that only the log has", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    await subscribe(await kit.open(), "s", { pattern: "**" });
    const storage = await kit.crash();
    await makeText(storage, "a");
    const { subscriptions: [info] } = await storeOf(storage).list(undefined, 1);
    equal([info?.id, (await storage.head("a")).id], [1, 2]);
    await kit.close();
  }));
