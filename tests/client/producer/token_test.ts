import { deepStrictEqual as equal, ok } from "node:assert";
import fc from "fast-check";
import { AppKit, untilSettled } from "../../support/client/reader_kit.ts";
import { drainEventLoop, failed } from "../../support/client/producer_fixture.ts";
import { TokenGuard } from "../../support/client/token_guard.ts";
import { unreliableNetwork } from "../../support/client/unreliable_network.ts";
import { JSON_TYPE, settle } from "../../support/fixture.ts";
import { Random } from "../../support/random.ts";

const PRODUCER = { id: "p", contentType: "application/json", lingerMs: Infinity };
const HOUR_MS = 3_600_000;

function guarded(forget: () => boolean = () => false) {
  const guard: TokenGuard = new TokenGuard({ lifeMs: () => HOUR_MS, clock: () => kit.clock });
  const sequence: string[] = [];
  const kit: AppKit = new AppKit({}, { token: guard.issue }, (send) => {
    const inner = guard.way(send);
    return (url, init) => {
      if (forget()) guard.endAll("revoked");
      const headers = new Headers(init.headers);
      sequence.push(`${headers.get("producer-epoch")}/${headers.get("producer-seq")}`);
      return inner(url, init);
    };
  });
  return { kit, guard, sequence };
}

Deno.test("a batch that is refused with 401 is sent again with a fresh token and its number", async () => {
  const { kit, guard, sequence } = guarded();
  await kit.make("s", JSON_TYPE);
  const producer = kit.client.producer("s", PRODUCER);
  await producer.sendJson(1);
  await producer.flush();
  guard.endAll("expired");
  await producer.sendJson(2);
  await producer.flush();
  equal(JSON.parse(await kit.content("s")), [1, 2]);
  equal(sequence, ["0/0", "0/1", "0/1"]);
  equal([guard.issued, guard.refused], [2, 1]);
});

Deno.test("batches that are refused together are stored in their order, each once", async () => {
  const { kit, guard } = guarded();
  await kit.make("s", JSON_TYPE);
  const producer = kit.client.producer("s", { ...PRODUCER, maxBatchMessages: 1, maxInFlight: 4 });
  await producer.sendJson(0);
  await producer.flush();
  guard.endAll("expired");
  for (let i = 1; i <= 8; i++) await producer.sendJson(i);
  await untilSettled(kit.clock, producer.flush());
  equal(JSON.parse(await kit.content("s")), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  equal(guard.issued, 2);
});

Deno.test("a producer that no token helps fails with unauthenticated, and says what is lost", async () => {
  const { kit, guard } = guarded(() => true);
  await kit.make("s", JSON_TYPE);
  const producer = kit.client.producer("s", PRODUCER);
  const { stored } = await producer.sendJson(1);
  producer.flush().catch(() => {});
  const lost = { lost: 1, unknown: 0 };
  await failed(stored, "unauthenticated", /The producer has stopped/, lost);
  equal([guard.issued, guard.refused], [2, 2]);
});

Deno.test("a producer's 403 is final, and claims no epoch", async () => {
  const { kit, guard } = guarded();
  guard.forbidden.add("token-1");
  const producer = kit.client.producer("s", { ...PRODUCER, autoClaim: true });
  const { stored } = await producer.sendJson(1);
  producer.flush().catch(() => {});
  await failed(stored, "forbidden");
  equal(guard.issued, 1);
});

async function play(seed: number): Promise<void> {
  const random = new Random(seed);
  const ways = random.split();
  const guard: TokenGuard = new TokenGuard({
    lifeMs: () => random.between(1, 2_000),
    clock: () => kit.clock,
  });
  /** The batches that were refused and aren't back yet: of those a second 401 would be final. */
  const refused = new Set<string | null>();
  const kit: AppKit = new AppKit({}, {
    random: () => ways.next(),
    token: guard.issue,
  }, (send) => {
    const inner = guard.way(unreliableNetwork(send, ways, random.pick([0, 0.2])));
    return async (url, init) => {
      const seq = new Headers(init.headers).get("producer-seq");
      if (refused.size === 0 && random.chance(0.2)) guard.endAll("expired");
      refused.delete(seq);
      const response = await inner(url, init);
      if (response.status === 401) refused.add(seq);
      else for (let turns = random.below(4); turns > 0; turns--) await settle();
      return response;
    };
  });
  await kit.make("s", JSON_TYPE);
  const producer = kit.client.producer("s", {
    ...PRODUCER,
    maxBatchMessages: random.between(1, 4),
    maxInFlight: random.between(1, 5),
    maxElapsedMs: Infinity,
  });
  const sent = Array.from({ length: random.between(1, 40) }, (_, i) => i);
  const sending = async () => {
    for (const i of sent) {
      await producer.sendJson(i);
      if (random.chance(0.1)) await producer.flush();
    }
    await producer.close();
  };
  await untilSettled(kit.clock, sending(), random.pick([10, 100, 1_000]));
  equal(JSON.parse(await kit.content("s")), sent);
}

Deno.test("whenever a producer's token ends, each message is stored once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), play),
    { numRuns: 100, endOnFailure: true },
  );
});

Deno.test("a producer wakes up after a night with a dead token, and sends what it holds", async () => {
  const { kit, guard } = guarded();
  await kit.make("s", JSON_TYPE);
  const producer = kit.client.producer("s", PRODUCER);
  await producer.sendJson(1);
  await producer.flush();
  await producer.sendJson(2);
  kit.clock.advance(12 * HOUR_MS);
  await drainEventLoop();
  await producer.flush();
  equal(JSON.parse(await kit.content("s")), [1, 2]);
  ok(guard.issued === 2);
});
