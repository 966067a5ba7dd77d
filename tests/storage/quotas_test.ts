import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { FOREVER } from "../../src/protocol/lifetime.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { StreamError } from "../../src/protocol/errors.ts";
import type { QuotaOptions } from "../../src/storage/quota_account.ts";
import { QuotaPattern } from "../../src/storage/quota_pattern.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { Quotas } from "../../src/storage/quotas.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { ManualClock } from "../support/manual_clock.ts";

const TEXT = "text/plain";

function append(storage: Storage, name: string, text: string): Promise<unknown> {
  return storage.append(name, { contentType: TEXT, body: encodeUtf8(text) });
}

async function refused(operation: Promise<unknown>, ...says: RegExp[]): Promise<void> {
  await rejects(operation, (error) => {
    ok(error instanceof StreamError);
    equal(error.code, "quota_exceeded");
    for (const part of says) match(error.message, part);
    return true;
  });
}

function withQuotas(...quotas: QuotaOptions[]): Storage {
  return createMemoryStorage({ clock: new ManualClock(), quotas });
}

Deno.test("each filling of a pattern's stars is an account of its own", () => {
  const keys: readonly (readonly [string, string, string | undefined, string | undefined])[] = [
    ["users/*/**", "users/u1/chats/a", "users/u1", "users/u1/**"],
    ["users/*/**", "users/u1", "users/u1", "users/u1/**"],
    ["users/*/**", "users", undefined, undefined],
    ["**", "a/b", "", "**"],
    ["logs/**", "logs/a", "", "logs/**"],
    ["*/*", "a/b", "a/b", "a/b"],
    ["*/*", "a/b/c", undefined, undefined],
    ["*/chats/*/**", "t1/chats/c2/x/y", "t1/chats/c2", "t1/chats/c2/**"],
    ["**/*", "a", "a", "a/**"],
    ["a", "a", "", "a"],
  ];
  for (const [text, name, key, shown] of keys) {
    const pattern = new QuotaPattern(text);
    equal(pattern.keyOf(name), key, `${text} of ${name}`);
    if (key !== undefined) equal(pattern.nameOf(key), shown);
  }
});

Deno.test("a quota that makes no sense is refused, with what is wrong", () => {
  const wrong: readonly (readonly [QuotaOptions, RegExp])[] = [
    [{ pattern: "**/a/*", bytes: 1 }, /"\*\*\/a\/\*" has a \* behind a \*\*/],
    [{ pattern: "a*", bytes: 1 }, /"a\*" can't be used/],
    [{ pattern: "a" }, /"a" limits nothing: give bytes or streams/],
    [{ pattern: "a", bytes: -1 }, /"a" is of -1 bytes/],
    [{ pattern: "a", streams: NaN }, /"a" is of NaN streams/],
  ];
  for (const [quota, message] of wrong) {
    throws(
      () => new Quotas([quota]),
      (error) => error instanceof RangeError && message.test(error.message),
    );
  }
  const many = Array.from({ length: 101 }, () => ({ pattern: "a", bytes: 1 }));
  throws(() => new Quotas(many), /101 quotas are given: at most 100/);
});

Deno.test("a full account takes no more bytes, others do, and what is deleted makes room", async () => {
  const storage = withQuotas({ pattern: "users/*/**", bytes: 10 });
  await storage.create("users/u1/a", { contentType: TEXT, body: encodeUtf8("12345") });
  await append(storage, "users/u1/a", "6789");
  await refused(
    append(storage, "users/u1/a", "xx"),
    /The quota of "users\/\*\/\*\*" is used up for "users\/u1\/\*\*": 9 of 10 bytes are stored, and 2 more/,
  );
  await refused(storage.create("users/u1/b", { contentType: TEXT, body: encodeUtf8("xx") }));
  await storage.create("users/u1/b", { contentType: TEXT });
  await storage.create("users/u2/a", { contentType: TEXT, body: encodeUtf8("1234567890") });
  await storage.create("elsewhere", { contentType: TEXT, body: encodeUtf8("1234567890!") });
  await append(storage, "users/u1/b", "x");
  equal((await storage.read("users/u1/a", 0, 100)).data.length, 9);
  // A create that finds its stream, and a close without bytes, add nothing.
  await storage.create("users/u1/b", { contentType: TEXT, lifetime: FOREVER });
  await storage.append("users/u1/a", { contentType: TEXT, body: new Uint8Array(), close: true });
  await storage.delete("users/u1/a");
  await append(storage, "users/u1/b", "123456789");
  await refused(append(storage, "users/u1/b", "x"));
  deepEqual(storage.status().quotas, { isCounted: true, accounts: 2 });
  await storage.close();
});

Deno.test("a duplicate of a batch that is there passes a full quota, as does no other batch", async () => {
  const storage = withQuotas({ pattern: "**", bytes: 3 });
  await storage.create("a", { contentType: TEXT });
  const send = (seq: number) =>
    storage.append("a", {
      contentType: TEXT,
      body: encodeUtf8("123"),
      producer: { id: "p", epoch: 0, seq },
    });
  equal((await send(0)).duplicate, false);
  equal((await send(0)).duplicate, true);
  await refused(send(1));
  // It wasn't taken in, and comes again once there is room.
  await refused(send(1));
  await storage.close();
});

Deno.test("streams are counted where a quota says so, also those kept for their forks only", async () => {
  const storage = withQuotas({ pattern: "*/**", streams: 2, bytes: 100 });
  await storage.create("u1/a", { contentType: TEXT, body: encodeUtf8("x".repeat(60)) });
  await storage.create("u2/fork", { fork: { source: "u1/a" } });
  await storage.create("u1/b", { contentType: TEXT });
  await refused(storage.create("u1/c", { contentType: TEXT }), /2 of 2 streams are there/);
  // A fork's bytes are its own only: those of its source are there once.
  await append(storage, "u2/fork", "x".repeat(100));
  await refused(append(storage, "u2/fork", "x"), /100 of 100 bytes/);
  // Deleted, its source still lies there.
  await storage.delete("u1/a");
  await refused(storage.create("u1/c", { contentType: TEXT }));
  await refused(append(storage, "u1/b", "x".repeat(41)), /60 of 100 bytes/);
  await storage.delete("u2/fork");
  await storage.create("u1/c", { contentType: TEXT, body: encodeUtf8("x".repeat(100)) });
  // Nothing is left of an account in which nothing is.
  deepEqual(storage.status().quotas, { isCounted: true, accounts: 1 });
  await storage.close();
});

Deno.test("a stream whose time is over makes room", async () => {
  const clock = new ManualClock();
  const quotas = [{ pattern: "**", bytes: 10 }];
  const storage = createMemoryStorage({ clock, quotas });
  const lifetime = { kind: "until", expiresAtMs: clock.nowMs() + 5000 } as const;
  await storage.create("a", { contentType: TEXT, body: encodeUtf8("1234567890"), lifetime });
  await refused(storage.create("b", { contentType: TEXT, body: encodeUtf8("x") }));
  clock.advance(7000);
  // Asked for, it goes.
  await storage.create("b", { contentType: TEXT, body: encodeUtf8("x") }).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve));
  await storage.delete("b").catch(() => {});
  await storage.create("b", { contentType: TEXT, body: encodeUtf8("1234567890") });
  deepEqual(storage.status().quotas, { isCounted: true, accounts: 1 });
  await storage.close();
});

Deno.test("a JSON stream counts by what is stored of it", async () => {
  const storage = withQuotas({ pattern: "**", bytes: 6 });
  await storage.create("a", { contentType: "application/json", body: encodeUtf8("[1, 2]") });
  await refused(
    storage.append("a", { contentType: "application/json", body: encodeUtf8("3") }),
    /6 of 6 bytes/,
  );
  await storage.close();
});

Deno.test("quotas change while streams are there: counts stay, and what is new is counted", async () => {
  const storage = withQuotas({ pattern: "users/*/**", bytes: 10 });
  const use = (...quotas: QuotaOptions[]) => storage.prepareQuotas?.(quotas)();
  await storage.create("users/u1/a", { contentType: TEXT, body: encodeUtf8("123456789") });
  await storage.create("logs/a", { contentType: TEXT, body: encodeUtf8("12345") });
  // Lower than what is stored: nothing more, and nothing is lost.
  use({ pattern: "users/*/**", bytes: 4 }, { pattern: "logs/**", bytes: 6 });
  deepEqual(storage.status().quotas, { isCounted: true, accounts: 2 });
  await refused(append(storage, "users/u1/a", "x"), /9 of 4 bytes are stored/);
  equal((await storage.read("users/u1/a", 0, 100)).data.length, 9);
  await refused(append(storage, "logs/a", "xx"), /5 of 6 bytes are stored/);
  await append(storage, "logs/a", "x");
  // One that makes no sense changes none.
  throws(() => use({ pattern: "**", bytes: 1 }, { pattern: "**/a/*", bytes: 1 }), RangeError);
  await refused(append(storage, "logs/a", "x"), /6 of 6 bytes/);
  use({ pattern: "users/*/**", bytes: 20, streams: 1 });
  await append(storage, "logs/a", "x");
  await append(storage, "users/u1/a", "x");
  await refused(storage.create("users/u1/b", { contentType: TEXT }), /1 of 1 streams/);
  use();
  equal(storage.status().quotas, undefined);
  await append(storage, "users/u1/a", "1234567890");
  use({ pattern: "users/*/**", bytes: 21 });
  await append(storage, "users/u1/a", "x");
  await refused(append(storage, "users/u1/a", "x"), /21 of 21 bytes/);
  await storage.delete("users/u1/a");
  deepEqual(storage.status().quotas, { isCounted: true, accounts: 0 });
  await storage.close();
});
