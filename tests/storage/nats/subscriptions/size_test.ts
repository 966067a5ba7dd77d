import { deepEqual, equal, ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { rejectsWith } from "../../../support/expect.ts";
import { subscribe } from "../../../support/subscription_kit.ts";
import { LEASE_OVER_MS, SubscriptionsKit } from "./subscriptions_kit.ts";

const TEXT = "text/plain";

async function withKit(
  options: ConstructorParameters<typeof SubscriptionsKit>[0],
  run: (kit: SubscriptionsKit) => Promise<void>,
): Promise<void> {
  const kit = new SubscriptionsKit(options);
  try {
    await run(kit);
  } finally {
    await kit.dispose();
  }
}

Deno.test("subscriptions on NATS: records and snapshots of any length are there after a takeover", () =>
  withKit({ messageLimitBytes: 2048 }, async (kit) => {
    const first = await kit.open();
    const streams = Array.from({ length: 300 }, (_, i) => `a/${String(i).padStart(40, "0")}`);
    await subscribe(first.storage, "s", { streams });
    await first.storage.create(streams[7] ?? "", { contentType: TEXT, body: encodeUtf8("x") });
    await first.store.snapshot();
    await first.store.link("s", streams.map((name) => name.replace("a/", "b/")));
    kit.kill(first);
    await kit.freeLease();
    const second = await kit.open();
    const { links } = await second.store.links("s", undefined, 1000);
    equal(links.length, 600);
    await second.store.snapshot();
    kit.kill(second);
    await kit.freeLease();
    const third = await kit.open();
    deepEqual((await third.store.links("s", undefined, 1000)).links, links);
    // What the snapshot includes is gone, and so is the snapshot before it.
    const log = kit.cluster.log("DS_SUBS");
    const subjects = [...log?.leader.subjects() ?? []];
    const owners = new Set(
      subjects.filter((name) => name !== "ds.u.log").map((name) =>
        name.split(".").slice(0, 5).join(".")
      ),
    );
    equal(owners.size, 1);
    ok(subjects.length < 200);
  }));

Deno.test("subscriptions on NATS: what is too long to be asked of the owner is refused", () =>
  withKit({ messageLimitBytes: 8192 }, async (kit) => {
    const first = await kit.open();
    const second = await kit.open();
    await subscribe(first.storage, "s", { streams: ["a"] });
    const paths = Array.from({ length: 600 }, (_, i) => `b/${i}/long-enough`);
    await rejectsWith(second.store.link("s", paths), "body_too_large");
    await first.store.link("s", paths);
    await rejectsWith(second.store.links("s", undefined, 1000), "overloaded");
    equal((await second.store.links("s", undefined, 10)).links.length, 10);
  }));

Deno.test("subscriptions on NATS: thousands of names pass between front ends compressed", () =>
  withKit({ messageLimitBytes: 128 * 1024 }, async (kit) => {
    const first = await kit.open();
    const second = await kit.open();
    await subscribe(first.storage, "other", { streams: ["a"] });
    const streams = Array.from({ length: 9000 }, (_, i) => `b/${i}/long-enough`);
    await subscribe(second.storage, "s", { streams });
    equal((await second.store.get("s")).config.streams.length, 9000);
    const page = await second.store.links("s", undefined, 1000);
    equal(page.links.length, 500);
    equal(page.next, page.links.at(-1)?.path);
  }));

Deno.test("subscriptions on NATS: whoever takes them over reads no more messages than since the newest snapshot", () =>
  withKit({}, async (kit) => {
    const first = await kit.open();
    await subscribe(first.storage, "s", { streams: ["a"] });
    for (let i = 0; i < 1100; i++) await first.store.link("s", [`b/${i}`]);
    await kit.pass(LEASE_OVER_MS);
    await first.store.link("s", ["last"]);
    const { leader } = kit.cluster.log("DS_SUBS") ?? {};
    const left = [...leader?.from("ds.u.log", 0, kit.clock.nowMs()) ?? []].length;
    ok(left < 10, `${left} messages are left`);
    kit.kill(first);
    await kit.freeLease();
    const second = await kit.open();
    equal((await second.store.links("s", undefined, 2000)).links.length, 1102);
  }));
