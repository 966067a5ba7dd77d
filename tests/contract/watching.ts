import { deepStrictEqual as equal, ok } from "node:assert";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { rejectsWith } from "../support/expect.ts";
import { type It, TEXT } from "./kit.ts";

/** Waiting for more. */
export function describeWatching(it: It): void {
  it("a watch is notified once there is more", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const woken = Promise.withResolvers<void>();
    const watch = await storage.watch("s", () => woken.resolve());
    const appended = streams.text("s", "x");
    await woken.promise;
    equal((await storage.head("s")).tail, 1);
    await appended;
    watch.cancel();
  });

  it("a watch notifies every watcher", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const wakes = [0, 0, 0];
    const watches = await Promise.all(
      wakes.map((_, i) => storage.watch("s", () => wakes[i] = (wakes[i] ?? 0) + 1)),
    );
    await streams.text("s", "x");
    ok(wakes.every((count) => count > 0));
    for (const watch of watches) watch.cancel();
  });

  it("a watch is notified of the end", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    let wakes = 0;
    const watch = await storage.watch("s", () => wakes++);
    await streams.close("s");
    ok(wakes > 0);
    equal((await storage.head("s")).closed, true);
    wakes = 0;
    await storage.delete("s");
    ok(wakes > 0);
    watch.cancel();
    await rejectsWith(storage.watch("s", () => {}), "not_found");
  });

  it("a watch is notified when the source is deleted softly", async ({ storage }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.create("f", { fork: { source: "s" } });
    let wakes = 0;
    const watch = await storage.watch("s", () => wakes++);
    await storage.delete("s");
    ok(wakes > 0);
    watch.cancel();
    await rejectsWith(storage.watch("s", () => {}), "gone");
  });

  it("a watch of one stream isn't notified of others", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.create("t", { contentType: TEXT });
    let wakes = 0;
    const watch = await storage.watch("s", () => wakes++);
    await streams.text("t", "x");
    await rejectsWith(streams.json("s", "1"), "content_type_mismatch");
    equal(wakes, 0);
    watch.cancel();
  });

  it("a cancelled watch is silent", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    let wakes = 0;
    const watch = await storage.watch("s", () => wakes++);
    watch.cancel();
    watch.cancel();
    await streams.text("s", "x");
    equal(wakes, 0);
  });

  it("a watcher may cancel and watch again from within its call", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    const again = Promise.withResolvers<void>();
    const watch = await storage.watch("s", () => {
      watch.cancel();
      again.resolve();
    });
    await streams.text("s", "x");
    await again.promise;
    await streams.text("s", "y");
    equal(await streams.all("s"), "xy");
  });

  it("a watcher that fails doesn't harm the others", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.create("t", { contentType: TEXT });
    let wakes = 0;
    const watches = [
      await storage.watch("s", () => {
        throw new Error("a watcher's bug");
      }),
      await storage.watch("s", async () => {
        await Promise.resolve();
        throw new Error("a watcher's bug, later");
      }),
      await storage.watch("s", () => wakes++),
    ];
    equal((await streams.text("s", "x")).tail, 1);
    await streams.text("t", "y");
    await streams.text("s", "z");
    ok(wakes > 0, "who was to be called after them is");
    await storage.delete("s");
    await streams.text("t", "y");
    equal(await streams.all("t"), "yy");
    for (const watch of watches) watch.cancel();
  });

  it("a reader that watches first misses nothing", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT, body: encodeUtf8("0") });
    let wake = Promise.withResolvers<void>();
    const watch = await storage.watch("s", () => wake.resolve());
    const writing = (async () => {
      for (let i = 1; i < 30; i++) await streams.text("s", `,${i}`);
      await streams.close("s");
    })();
    let seen = "";
    for (let isOver = false; !isOver;) {
      const { data, next, tail, closed } = await storage.read("s", seen.length, 1 << 20);
      seen += new TextDecoder().decode(data);
      isOver = closed && next === tail;
      if (!isOver) await wake.promise;
      wake = Promise.withResolvers();
      if (!isOver && (await storage.head("s")).tail > seen.length) wake.resolve();
      if (!isOver && (await storage.head("s")).closed) wake.resolve();
    }
    watch.cancel();
    await writing;
    equal(seen, Array.from({ length: 30 }, (_, i) => i).join(","));
  });

  it("a watch of a fork sleeps through what is done to its source", async ({ storage, streams }) => {
    await storage.create("s", { contentType: TEXT });
    await storage.create("f", { fork: { source: "s" } });
    let wakes = 0;
    const watch = await storage.watch("f", () => wakes++);
    await streams.text("s", "x");
    await streams.close("s");
    equal(wakes, 0);
    await streams.text("f", "y");
    ok(wakes > 0);
    watch.cancel();
  });
}
