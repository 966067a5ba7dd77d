import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { ClientOptions } from "../../../src/client/client.ts";
import type { Message } from "../../../src/client/reader/message.ts";
import type { ReadMode } from "../../../src/client/reader/read_mode.ts";
import { AppKit, chunkResponse, ScriptKit, SseResponse } from "../../support/client/reader_kit.ts";
import { TokenGuard } from "../../support/client/token_guard.ts";
import { unreliableNetwork } from "../../support/client/unreliable_network.ts";
import { CLOSE, JSON_TYPE, settle } from "../../support/fixture.ts";
import { Random } from "../../support/random.ts";

const MODES: readonly ReadMode[] = ["sse", "long-poll", "auto"];
const HOUR_MS = 3_600_000;

/** An app behind a guard, whose tokens live so long. */
function guarded(lifeMs: () => number, options: ClientOptions = {}) {
  const guard: TokenGuard = new TokenGuard({ lifeMs, clock: () => kit.clock });
  const kit: AppKit = new AppKit({}, { token: guard.issue, ...options }, guard.way);
  /** Lets the readers reach the tail, and time pass: what ends sooner is waited out. */
  const follow = async () => {
    await settle();
    kit.clock.advance(2_000);
    await settle();
  };
  return { kit, guard, follow };
}

async function texts(messages: AsyncIterable<Message>): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of messages) seen.push(message.text());
  return seen;
}

for (const end of ["expired", "revoked"] as const) {
  for (const readMode of MODES) {
    Deno.test(`a reader in ${readMode} whose token is ${end} goes on with a fresh one, nothing lost or doubled`, async () => {
      const { kit, guard, follow } = guarded(() => HOUR_MS);
      await kit.make("s", JSON_TYPE, "[1,2]");
      const looping = texts(kit.client.reader("s", { readMode }));
      await settle();
      await kit.append("s", JSON_TYPE, "[3]");
      await follow();
      guard.endAll(end);
      await settle();
      equal(guard.issued, 2);
      await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[4]");
      equal(await looping, ["1", "2", "3", "4"]);
      // SSE says that it is over, so that nothing is sent that must be refused.
      equal(guard.refused, readMode === "long-poll" ? 1 : 0);
      equal(guard.endedSse, readMode === "long-poll" ? 0 : 1);
      // No time has passed: nobody waited for longer because of it.
      equal(guard.issued, 2);
    });
  }
}

Deno.test("twenty readers whose token is over get one fresh token between them", async () => {
  const { kit, guard, follow } = guarded(() => HOUR_MS);
  await kit.make("s", JSON_TYPE, "[1]");
  const looping = Array.from(
    { length: 20 },
    (_, i) => texts(kit.client.reader("s", { readMode: i % 2 === 0 ? "sse" : "long-poll" })),
  );
  await follow();
  guard.endAll("expired");
  await settle();
  equal(guard.issued, 2);
  await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[2]");
  for (const seen of await Promise.all(looping)) equal(seen, ["1", "2"]);
});

Deno.test("a token that ends again and again doesn't take a reader from SSE to long-poll", async () => {
  const { kit, guard } = guarded(() => 100);
  await kit.make("s", JSON_TYPE, "[1]");
  const looping = texts(kit.client.reader("s", { readMode: "auto" }));
  for (let i = 0; i < 100; i++) {
    await settle();
    kit.clock.advance(100);
  }
  ok(guard.endedSse >= 5, `${guard.endedSse}`);
  // Ends within a second of their beginning are waited out longer and longer.
  ok(kit.requests.length < 30, `${kit.requests.length}`);
  ok(!kit.requests.some((request) => request.includes("long-poll")));
  await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[2]");
  equal(await kit.until(looping), ["1", "2"]);
});

for (const readMode of MODES) {
  Deno.test(`a reader in ${readMode} whose fresh token is refused fails at once, and later goes on where it was`, async () => {
    let isSignedIn = true;
    const token = () => isSignedIn ? guard.issue() : "nonsense";
    const { kit, guard, follow } = guarded(() => HOUR_MS, { token: () => token() });
    await kit.make("s", JSON_TYPE, "[1]");
    const reader = kit.client.reader("s", { readMode });
    const looping = texts(reader);
    await follow();
    isSignedIn = false;
    guard.endAll("revoked");
    const before = guard.shown.length;
    await rejects(looping, { code: "unauthenticated", status: 401 });
    ok(guard.shown.length - before <= 2, "no hot loop");
    isSignedIn = true;
    await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[2]");
    equal(await texts(reader), ["2"]);
  });

  Deno.test(`a reader in ${readMode} whose fresh token isn't good for the stream fails with forbidden`, async () => {
    const { kit, guard, follow } = guarded(() => HOUR_MS);
    await kit.make("s", JSON_TYPE, "[1]");
    const looping = texts(kit.client.reader("s", { readMode }));
    await follow();
    guard.forbidden.add("token-2");
    guard.endAll("expired");
    await rejects(looping, { code: "forbidden", status: 403 });
    equal(guard.issued, 2);
  });

  Deno.test(`a reader in ${readMode} with a token that is a text ends with it`, async () => {
    const { kit, guard, follow } = guarded(() => HOUR_MS, { token: "token-1" });
    guard.issue();
    await kit.make("s", JSON_TYPE, "[1]");
    const looping = texts(kit.client.reader("s", { readMode }));
    await follow();
    guard.endAll("expired");
    await rejects(looping, { code: "unauthenticated" });
    equal(guard.refused, 1);
  });

  Deno.test(`a reader in ${readMode} wakes up after a night with a dead token and a dead connection, and goes on`, async () => {
    const { kit, guard } = guarded(() => HOUR_MS);
    await kit.make("s", JSON_TYPE, "[1]");
    const looping = texts(kit.client.reader("s", { readMode }));
    await settle();
    // Timers of a machine that sleeps fire all at once when it wakes up.
    kit.clock.advance(12 * HOUR_MS);
    await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[2]");
    equal(await kit.until(looping), ["1", "2"]);
    ok(guard.issued >= 2);
  });
}

Deno.test("headers that are functions are asked again after credential-expired, too", async () => {
  const headers = { authorization: () => `Bearer ${guard.issue()}` };
  const { kit, guard, follow } = guarded(() => HOUR_MS, { headers, token: undefined });
  await kit.make("s", JSON_TYPE, "[1]");
  const looping = texts(kit.client.reader("s", { readMode: "sse" }));
  await follow();
  guard.endAll("expired");
  await settle();
  await kit.append("s", { ...JSON_TYPE, ...CLOSE }, "[2]");
  equal(await looping, ["1", "2"]);
  equal([guard.refused, guard.endedSse], [0, 1]);
});

Deno.test("nothing that comes after credential-expired counts, and the connection is ended", async () => {
  const first = new SseResponse();
  const second = new SseResponse();
  const kit = new ScriptKit([
    chunkResponse("[]", { next: "5", upToDate: true }),
    first.response,
    second.response,
  ]);
  const looping = texts(kit.client.reader("s", { readMode: "sse" }));
  await settle();
  first.event("[1]", { streamNextOffset: "6", upToDate: true })
    .send('event: data\ndata: [2]\n\nevent: credential-expired\ndata: {"reason":"expired"}\n\n')
    .event("[3]", { streamNextOffset: "9", upToDate: true });
  await settle();
  ok(first.isCancelled);
  second.event("[2]", { streamNextOffset: "7", upToDate: true, streamClosed: true });
  equal(await looping, ["1", "2"]);
  equal(kit.requests.at(-1), "GET s?live=sse&offset=6");
});

Deno.test("credential-expired without any control event is waited out, and no error", async () => {
  const farewell = 'event: credential-expired\ndata: {"reason":"expired"}\n\n';
  const last = new SseResponse();
  const kit = new ScriptKit([
    chunkResponse("[]", { next: "5", upToDate: true }),
    () => new SseResponse().send(farewell).end().response,
    () => new SseResponse().send(farewell).end().response,
    last.response,
  ]);
  const looping = texts(kit.client.reader("s", { readMode: "auto", maxElapsedMs: 0 }));
  last.event("[1]", { streamNextOffset: "6", upToDate: true, streamClosed: true });
  equal(await kit.until(looping), ["1"]);
});

/** Reads a stream that is written meanwhile, while tokens end at any moment and the network fails. */
async function play(seed: number): Promise<void> {
  const random = new Random(seed);
  const ways = random.split();
  let isFresh = false;
  const guard: TokenGuard = new TokenGuard({
    lifeMs: () => random.between(1, 4_000),
    clock: () => kit.clock,
  });
  const kit: AppKit = new AppKit({ chunkBytes: 4096 }, {
    random: () => ways.next(),
    token: async () => {
      for (let turns = random.below(5); turns > 0; turns--) await Promise.resolve();
      isFresh = true;
      return guard.issue();
    },
  }, (send) => {
    const inner = guard.way(random.chance(0.5) ? unreliableNetwork(send, ways, 0.2) : send);
    return (url, init) => {
      // On the way to the server its time is over; of a fresh one that would be the second 401.
      if (!isFresh && random.chance(0.2)) guard.endAll("revoked");
      isFresh = false;
      return inner(url, init);
    };
  });
  const written: string[] = [];
  await kit.make("s", JSON_TYPE);
  const append = async (isLast: boolean) => {
    const batch = Array.from(
      { length: random.between(1, 4) },
      (_, i) => String(written.length + i),
    );
    written.push(...batch);
    await kit.append("s", { ...JSON_TYPE, ...(isLast ? CLOSE : {}) }, `[${batch.join(",")}]`);
  };
  const readMode = random.pick(MODES);
  const reading = texts(kit.client.reader("s", { readMode, maxElapsedMs: Infinity }));
  reading.catch(() => {});
  for (let step = random.between(5, 25); step >= 0; step--) {
    await settle();
    if (random.chance(0.3)) guard.endAll(random.pick(["expired", "revoked"]));
    if (random.chance(0.6)) await append(false);
    kit.clock.advance(random.pick([0, 0, 1, 100, 2_000, 90_000]));
  }
  await append(true);
  equal(await kit.until(reading), written);
}

Deno.test("whenever a reader's token ends, in every mode, all is read once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), play),
    { numRuns: 150, endOnFailure: true },
  );
});
