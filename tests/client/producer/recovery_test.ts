import { deepStrictEqual as equal, ok } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { isPending, producer as producerHeaders, TEXT } from "../../support/fixture.ts";
import { drainEventLoop, failed, ProducerFixture } from "../../support/client/producer_fixture.ts";
import type { RequestOutcome } from "../../support/client/scripted_transport.ts";

async function fixture(): Promise<ProducerFixture> {
  const made = new ProducerFixture();
  await made.server.make("s", TEXT);
  return made;
}

/** Sends each letter as a batch of its own after a first one that is stored. */
async function sendAll(at: ProducerFixture, letters: string, options = {}) {
  const producer = at.producer({ maxBatchMessages: 1, ...options });
  await producer.send("0");
  await producer.flush();
  for (const letter of letters) await producer.send(letter);
  return producer;
}

for (
  const [name, outcome] of [
    ["never arrived", "refuse"],
    ["was stored but whose answer was lost", "lose"],
    ["arrived twice", "duplicate"],
    ["was answered 503", { status: 503 }],
    ["was stored but answered 502", { status: 502, done: true }],
    ["was answered 429", { status: 429, headers: { "retry-after": "7" } }],
  ] as const
) {
  Deno.test(`a batch that ${name} is stored once`, async () => {
    const at = await fixture();
    at.transport.script = (_, number): RequestOutcome => number === 1 ? outcome : "pass";
    const producer = await sendAll(at, "ab");
    await at.outcome(producer.flush());
    equal(await at.server.content("s"), "0ab");
    equal(producer.offset, at.server.offset(3));
  });
}

Deno.test("waits between attempts grow, and Retry-After is honoured", async () => {
  const at = await fixture();
  const times: number[] = [];
  at.transport.script = (_, number) => {
    times.push(at.clock.nowMs());
    if (number === 2) return { status: 503, headers: { "retry-after": "2" } };
    return number < 4 ? { status: 503 } : "pass";
  };
  const producer = at.producer();
  await producer.send("a");
  const flushed = producer.flush();
  await at.pass(50, 70);
  await flushed;
  equal(times.map((time, i) => i === 0 ? 0 : time - (times[i - 1] ?? 0)), [0, 100, 200, 2000, 800]);
});

Deno.test("a batch that overtook another waits until that one is stored", async () => {
  const at = await fixture();
  const late = Promise.withResolvers<void>();
  at.transport.script = async (_, number) => {
    if (number === 1) await late.promise;
    return "pass" as const;
  };
  const producer = await sendAll(at, "abcd");
  await drainEventLoop();
  equal(at.transport.sequence, ["0/0", "0/1", "0/2", "0/3", "0/4"]);
  late.resolve();
  await producer.flush();
  equal(await at.server.content("s"), "0abcd");
  equal(at.transport.sequence.slice(5), ["0/2", "0/3", "0/4"]);
});

Deno.test("a gap's answer that comes after the missing batch was acknowledged is no failure", async () => {
  const at = await fixture();
  const firstArrives = Promise.withResolvers<void>();
  const gapArrives = Promise.withResolvers<void>();
  at.transport.script = async (_, number) => {
    if (number === 1) await firstArrives.promise;
    return "pass" as const;
  };
  at.transport.onResponse = ({ headers }) =>
    headers["producer-seq"] === "2" ? gapArrives.promise : undefined;
  const producer = await sendAll(at, "ab");
  await drainEventLoop();
  firstArrives.resolve();
  await drainEventLoop();
  equal(producer.offset, at.server.offset(2));
  gapArrives.resolve();
  await producer.flush();
  equal(await at.server.content("s"), "0ab");
});

Deno.test("answers may come in any order, and each tells of the batches before it too", async () => {
  const at = await fixture();
  const answers = new Map<string, () => void>();
  at.transport.onResponse = ({ headers }) =>
    new Promise((resolve) => {
      const seq = headers["producer-seq"] ?? "";
      if (seq === "0") resolve();
      else answers.set(seq, resolve);
    });
  const producer = await sendAll(at, "abc");
  const flushed = producer.flush();
  await drainEventLoop();
  answers.get("3")?.();
  await drainEventLoop();
  equal(producer.offset, at.server.offset(4));
  await flushed;
  answers.get("1")?.();
  answers.get("2")?.();
  await drainEventLoop();
  equal(producer.offset, at.server.offset(4));
});

Deno.test("a server that lost what it acknowledged is a fatal sequence_gap", async () => {
  const at = await fixture();
  const producer = await sendAll(at, "a");
  await producer.flush();
  await at.server.delete("s");
  await at.server.make("s", TEXT);
  await producer.send("b");
  const error = await failed(producer.flush(), "sequence_gap", /gap/, {
    lost: 1,
    unknown: 0,
  });
  equal(error.expectedSeq, 0);
  equal(await at.server.content("s"), "");
});

Deno.test("a producer that continues where the server isn't is a fatal sequence_gap", async () => {
  const at = await fixture();
  const producer = at.producer({ seq: 7 });
  await producer.send("a");
  await failed(producer.flush(), "sequence_gap");
});

Deno.test("a gap before a batch that nobody waits for is fatal, not an endless loop", async () => {
  const at = await fixture();
  at.transport.script = (_, number) =>
    number === 0 ? "pass" : { status: 409, headers: { "producer-expected-seq": "9" } };
  const producer = await sendAll(at, "a");
  await failed(producer.flush(), "sequence_gap");
});

Deno.test("maxElapsedMs counts from the last success of anything", async () => {
  const at = await fixture();
  const startMs = at.clock.nowMs();
  let isDown = false;
  at.transport.script = ({ headers }) => {
    if (isDown) return { status: 503, text: "down for now" };
    return headers["producer-seq"] === "1" && at.clock.nowMs() < startMs + 31_000 ? "lose" : "pass";
  };
  const producer = await sendAll(at, "a", { maxElapsedMs: 10_000 });
  const first = producer.flush();
  for (const letter of "bcdef") {
    await at.pass(1_000, 6);
    await producer.send(letter);
  }
  await first;
  await at.outcome(producer.flush());
  equal(await at.server.content("s"), "0abcdef");

  await at.pass(60_000);
  isDown = true;
  await producer.send("g");
  const flushed = producer.flush();
  flushed.catch(() => {});
  await at.pass(1_000, 9);
  ok(await isPending(flushed));
  await at.pass(1_000);
  await failed(flushed, "unavailable", /down for now/, { lost: 0, unknown: 1 });
});

Deno.test("with maxElapsedMs Infinity it continues for days", async () => {
  const at = await fixture();
  at.transport.script = () =>
    at.clock.nowMs() < startMs + 3 * 86_400_000 ? { status: 503 } : "pass";
  const startMs = at.clock.nowMs();
  const producer = at.producer({ maxElapsedMs: Infinity });
  await producer.send("a");
  const flushed = producer.flush();
  await at.pass(100, 20);
  await at.pass(3 * 86_400_000);
  await at.pass(10_000, 2);
  await flushed;
  equal(await at.server.content("s"), "a");
});

Deno.test("the question for the content type is asked again, and bounded in time too", async () => {
  const at = await fixture();
  at.transport.script = (_, number) => number < 3 ? "refuse" : "pass";
  const producer = at.client.producer("s", { id: "p" });
  await at.outcome(producer.send("a"));
  await at.outcome(producer.close());
  equal(await at.server.content("s"), "a");

  // Another client, which doesn't know the type yet.
  const other = new ProducerFixture(at.server);
  other.transport.script = () => "refuse";
  const second = other.client.producer("s", { id: "q", maxElapsedMs: 5_000 });
  const sending = other.outcome(second.send("b"));
  await failed(sending, "network", /never stored: 1/, { lost: 1, unknown: 0 });
  await failed(second.flush(), "network", /never stored: 1/, { lost: 1, unknown: 0 });
});

Deno.test("autoClaim takes the epoch after the server's and begins at 0", async () => {
  const at = await fixture();
  await at.server.append("s", { ...TEXT, ...producerHeaders("p", 5, 0) }, "x").catch(() => {});
  const producer = at.producer({ autoClaim: true, maxBatchMessages: 1, seq: 3 });
  for (const letter of "abc") await producer.send(letter);
  await producer.flush();
  equal(at.transport.sequence, [`0/${Number.MAX_SAFE_INTEGER}`, "6/0", "6/1", "6/2"]);
  equal([producer.epoch, producer.seq], [6, 3]);
  equal(await at.server.content("s"), "xabc");
});

Deno.test("autoClaim loses nothing to another producer that began in the same epoch", async () => {
  const at = await fixture();
  await at.server.post("s", { ...TEXT, ...producerHeaders("p", 0, 0) }, "x");
  const producer = at.producer({ autoClaim: true });
  await producer.send("a");
  await at.outcome(producer.flush());
  equal(await at.server.content("s"), "xa");
  equal(producer.epoch, 1);
});

Deno.test("without autoClaim a first batch that the server knows is taken as stored", async () => {
  const at = await fixture();
  await at.server.post("s", { ...TEXT, ...producerHeaders("p", 0, 0) }, "a");
  const producer = at.producer();
  await producer.send("a");
  await at.outcome(producer.flush());
  equal(await at.server.content("s"), "a");
});

Deno.test("without autoClaim a stale epoch is fatal", async () => {
  const at = await fixture();
  await at.server.post("s", { ...TEXT, ...producerHeaders("p", 5, 0) }, "x");
  const producer = at.producer();
  await producer.send("a");
  const error = await failed(producer.flush(), "stale_epoch", /stale/, {
    lost: 1,
    unknown: 0,
  });
  equal(error.epoch, 5);
});

Deno.test("autoClaim doesn't fence off the producer that fenced it off", async () => {
  const at = await fixture();
  const producer = at.producer({ autoClaim: true });
  await producer.send("a");
  await producer.flush();
  await at.server.post("s", { ...TEXT, ...producerHeaders("p", 1, 0) }, "x");
  await producer.send("b");
  await failed(producer.flush(), "stale_epoch");
  equal(await at.server.content("s"), "ax");
});

Deno.test("autoClaim stores a message once though its request is doubled", async () => {
  for (const doubled of [0, 1]) {
    const at = await fixture();
    at.transport.script = (_, number) => number === doubled ? "duplicate" : "pass";
    const producer = at.producer({ autoClaim: true });
    await producer.send("a");
    // The second copy's answer can't be told from another producer's batch.
    await at.outcome(producer.flush()).catch((error) => equal(error.code, "stale_epoch"));
    equal(await at.server.content("s"), "a");
  }
});

Deno.test("of two producers that claim an epoch at once none loses a message without a word", async () => {
  const at = await fixture();
  at.transport.script = async (_, number) => {
    if (number === 1) await at.server.post("s", { ...TEXT, ...producerHeaders("p", 0, 0) }, "x");
    return "pass" as const;
  };
  const producer = at.producer({ autoClaim: true });
  await producer.send("a");
  await failed(at.outcome(producer.flush()), "stale_epoch", /began epoch 0/, {
    lost: 0,
    unknown: 1,
  });
  equal(await at.server.content("s"), "x");
});

Deno.test("autoClaim claims nothing where the batch may be stored already", async () => {
  const at = await fixture();
  at.transport.script = async (_, number) => {
    if (number === 2) await at.server.post("s", { ...TEXT, ...producerHeaders("p", 1, 0) }, "x");
    return number === 1 ? "lose" : "pass";
  };
  const producer = at.producer({ autoClaim: true });
  await producer.send("a");
  await failed(at.outcome(producer.flush()), "stale_epoch", /may be: 1/, {
    lost: 0,
    unknown: 1,
  });
  equal(await at.server.content("s"), "ax");
});

Deno.test("autoClaim claims nothing where the transport had repeated the request", async () => {
  const at = await fixture();
  at.transport.script = async (_, number) => {
    if (number === 2) await at.server.post("s", { ...TEXT, ...producerHeaders("p", 1, 0) }, "x");
    return number === 1 ? "lose" : "pass";
  };
  const client = new Client("http://localhost/v1/stream", {
    transport: withRetry({ clock: at.clock })(at.transport.send),
    clock: at.clock,
  });
  const producer = client.producer("s", { id: "p", autoClaim: true, contentType: "text/plain" });
  await producer.send("a");
  const error = await failed(at.outcome(producer.flush()), "stale_epoch", /./, {
    lost: 0,
    unknown: 1,
  });
  ok(error.repeated);
});

Deno.test("autoClaim against a server that always says stale ends in time", async () => {
  const at = await fixture();
  at.transport.script = ({ headers }) => ({
    status: 403,
    headers: { "producer-epoch": headers["producer-epoch"] ?? "" },
  });
  const producer = at.producer({ autoClaim: true, maxElapsedMs: 5_000 });
  await producer.send("a");
  await failed(at.outcome(producer.flush()), "stale_epoch");
  ok(at.transport.requests.length < 20, `${at.transport.requests.length} requests`);

  at.transport.script = () => ({ status: 403, headers: { "producer-epoch": "0" } });
  const newer = at.producer({ autoClaim: true, epoch: 3 });
  const { length } = at.transport.requests;
  await newer.send("a");
  await failed(newer.flush(), "stale_epoch");
  equal(at.transport.requests.length, length + 1);
});
