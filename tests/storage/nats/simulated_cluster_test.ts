import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import type {
  NewMessage,
  PublishOutcome,
  StoredNotice,
} from "../../../src/storage/nats/jetstream.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { closedGate } from "../../support/nats/delay.ts";
import { BUSY_TIMES } from "../../support/nats/faults.ts";
import { type ClusterOptions, SimulatedCluster } from "../../support/nats/simulated_cluster.ts";
import { SimulatedJetStream } from "../../support/nats/simulated_jetstream.ts";
import { Random } from "../../support/random.ts";
import { isUnavailable, sequenceOf } from "./jetstream_kit.ts";

/** A cluster with a log and two front ends. */
function open(options: Partial<ClusterOptions> = {}) {
  const clock = new ManualClock();
  const cluster = new SimulatedCluster({ clock, ...options });
  const [first, second] = [new SimulatedJetStream(cluster), new SimulatedJetStream(cluster)];
  cluster.makeLog({ name: "L", subjects: ["l.>"], replicas: 3, isWatched: true });
  const sequences = async (byLeader = true, from = first) =>
    (await from.messages({
      log: "L",
      subject: "l.a",
      fromSequence: 1,
      limit: 100,
      limitBytes: 10_000,
      byLeader,
    })).map(({ sequence }) => sequence);
  return { clock, cluster, first, second, sequences, last: () => first.lastSequence("L", "l.a") };
}

function message(expectedSequence: number, more: Partial<NewMessage> = {}): NewMessage {
  return { log: "L", subject: "l.a", payload: encodeUtf8("x"), expectedSequence, ...more };
}

/** Whether it has settled after some turns. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await yieldToEventLoop();
  return settled;
}

Deno.test("a lost answer is unknown, and the message stored", async () => {
  const { cluster, first, last } = open();
  cluster.script.nextPublish({ kind: "answer_lost" });
  equal((await first.publish(message(0))).kind, "unknown");
  equal(await last(), 1);
  equal((await first.publish(message(0))).kind, "refused");
  equal((await first.publish(message(1))).kind, "stored");
});

Deno.test("a lost message is unknown, and never stored", async () => {
  const { clock, cluster, first, last } = open();
  cluster.script.nextPublish({ kind: "message_lost" });
  equal((await first.publish(message(0))).kind, "unknown");
  clock.advance(60_000);
  await yieldToEventLoop();
  equal(await last(), 0);
});

Deno.test("a message that arrives late is compared with what is there by then", async () => {
  const { cluster, first, second, last, sequences } = open();
  const [early, late] = [closedGate(), closedGate()];
  cluster.script.nextPublish({ kind: "arrives_late", after: early.opened });
  cluster.script.nextPublish({ kind: "arrives_late", after: late.opened });
  equal((await first.publish(message(0))).kind, "unknown");
  equal((await first.publish(message(0))).kind, "unknown");
  equal(await last(), 0);
  early.open();
  await yieldToEventLoop();
  equal(await last(), 1);
  await second.publish(message(1));
  late.open();
  await yieldToEventLoop();
  equal(await sequences(), [1, 2]);
});

Deno.test("while one is under way its log hangs, and its subject takes no other", async () => {
  const { clock, cluster, first, second, last, sequences } = open();
  cluster.script.nextPublish({ kind: "committed_late", after: 3000 });
  equal((await first.publish(message(0))).kind, "unknown");
  equal(await second.publish(message(0)), { kind: "refused", lastSequence: undefined });
  const other = second.publish(message(0, { subject: "l.b" }));
  ok(!await isSettled(other));
  equal(await last(), 0);
  clock.advance(3000);
  equal(await other, { kind: "stored", sequence: 2 });
  equal(await sequences(), [1]);
});

Deno.test("refused, unavailable, full or rejected by a script, it is not stored", async () => {
  const { cluster, first, second, last } = open();
  for (const kind of ["refused", "unavailable", "full", "rejected"] as const) {
    cluster.script.nextPublish({ kind }, { subject: "l.a", by: first });
    const other = await second.lastSequence("L", "l.b");
    const byOther = sequenceOf(await second.publish(message(other, { subject: "l.b" })));
    sequenceOf(await first.publish(message(byOther, { subject: "l.b" })));
    equal((await first.publish(message(0))).kind, kind);
  }
  equal(await last(), 0);
  equal(cluster.script.pending, 0);
});

Deno.test("a follower that is behind reads what was so before", async () => {
  const { cluster, first, sequences } = open();
  sequenceOf(await first.publish(message(0)));
  cluster.log("L")?.holdFollowers(true);
  sequenceOf(await first.publish(message(1)));
  sequenceOf(await first.publish(message(2, { rollup: true })));
  cluster.script.nextRead({ kind: "replica", replica: 2 });
  equal(await sequences(false), [1]);
  equal(await sequences(true), [3]);
  cluster.log("L")?.holdFollowers(false);
  cluster.script.nextRead({ kind: "replica", replica: 2 });
  equal(await sequences(false), [3]);
});

Deno.test("a damaged follower leaves one message out, the others and the leader don't", async () => {
  const { cluster, first, sequences } = open();
  for (let i = 0; i < 4; i++) await first.publish(message(i));
  cluster.log("L")?.damage(1, 3);
  for (
    const [replica, expected] of [[0, [1, 2, 3, 4]], [1, [1, 2, 4]], [2, [1, 2, 3, 4]]] as const
  ) {
    cluster.script.nextRead({ kind: "replica", replica });
    equal(await sequences(false), expected);
  }
});

Deno.test("a disconnected front end doesn't know what came of its publishes, and has a gap", async () => {
  const { cluster, first, second, last } = open();
  const notices: StoredNotice[] = [];
  let gaps = 0;
  first.watch("L", "l.a", (notice) => notices.push(notice), () => gaps++);
  const gate = closedGate();
  cluster.script.nextPublish({ kind: "held", at: "answer", until: gate.opened });
  const publish = first.publish(message(0));
  await yieldToEventLoop();
  equal(notices.length, 1);
  const question = first.lastSequence("L", "l.a");
  first.disconnect();
  equal((await publish).kind, "unknown");
  await rejects(question, isUnavailable);
  equal((await first.publish(message(1))).kind, "unavailable");
  await rejects(last(), isUnavailable);
  await second.publish(message(1));
  first.reconnect();
  await yieldToEventLoop();
  equal([notices.length, gaps], [1, 1]);
  equal(await last(), 2);
});

Deno.test("a follower goes on after an interruption, and leaves nothing out", async () => {
  const { first, second } = open();
  const found: number[] = [];
  const follower = first.follow({ log: "L", fromSequence: 1 }, ({ sequence }) => {
    found.push(sequence);
  });
  await second.publish(message(0));
  await follower.caughtUp();
  first.disconnect();
  for (let i = 1; i < 4; i++) await second.publish(message(i));
  const caughtUp = follower.caughtUp();
  ok(!await isSettled(caughtUp));
  equal(found, [1]);
  first.reconnect();
  await caughtUp;
  equal(found, [1, 2, 3, 4]);
  await follower.stop();
});

Deno.test("a stalled front end hears what has come when it goes on", async () => {
  const { clock, cluster, first, second } = open();
  const notices: number[] = [];
  first.watch("L", "l.a", ({ sequence }) => notices.push(sequence), () => {});
  cluster.script.nextPublish({ kind: "held", at: "answer", until: 1000 });
  const publish = first.publish(message(0));
  await yieldToEventLoop();
  equal(notices, [1]);
  first.stall();
  await second.publish(message(1));
  clock.advance(1000);
  ok(!await isSettled(publish));
  equal(notices, [1]);
  first.resume();
  equal(await publish, { kind: "stored", sequence: 1 });
  equal(notices, [1, 2]);
});

Deno.test("a killed front end hears nothing any more, and what it sent may be stored", async () => {
  const { clock, cluster, first, second } = open();
  let calls = 0;
  first.watch("L", "l.a", () => calls++, () => calls++);
  cluster.script.nextPublish({ kind: "held", at: "request", until: 1000 });
  const publish = first.publish(message(0));
  first.kill();
  await yieldToEventLoop();
  clock.advance(1000);
  ok(!await isSettled(publish));
  ok(!await isSettled(first.lastSequence("L", "l.a")));
  ok(!await isSettled(first.publish(message(1))));
  equal(await second.lastSequence("L", "l.a"), 1);
  equal(calls, 0);
});

Deno.test("without a quorum nothing is stored or asked of the leader, but replicas answer", async () => {
  const { cluster, first, last, sequences } = open();
  await first.publish(message(0));
  cluster.loseQuorum({ isSilent: false });
  equal((await first.publish(message(1))).kind, "unavailable");
  await rejects(last(), isUnavailable);
  await rejects(first.purge("L", "l.a", 1), isUnavailable);
  equal(await sequences(false), [1]);
  await rejects(sequences(true), isUnavailable);
  cluster.regainQuorum();
  equal(await last(), 1);
  cluster.loseQuorum({ isSilent: true });
  const hangs = first.publish(message(1));
  ok(!await isSettled(hangs));
  cluster.regainQuorum();
  equal(await hangs, { kind: "stored", sequence: 2 });
});

Deno.test("a lost notice is missing, and the next one tells by what came before it", async () => {
  const { cluster, first } = open();
  const notices: [number, number][] = [];
  first.watch("L", "l.a", (notice) => {
    notices.push([notice.sequence, notice.previousSequence]);
  }, () => {});
  await first.publish(message(0));
  cluster.script.loseNotice();
  await first.publish(message(1));
  await first.publish(message(2));
  await yieldToEventLoop();
  equal(notices, [[1, 0], [3, 2]]);
});

Deno.test("with faults by chance every acknowledged message is there once, and the seed repeats it all", async () => {
  const runs = [await stormy(7), await stormy(7), await stormy(8)];
  equal(runs[0], runs[1]);
  ok(JSON.stringify(runs[0]) !== JSON.stringify(runs[2]));
  for (const kind of ["stored", "refused", "unknown", "unavailable", "full"]) {
    ok(runs[0]?.outcomes.some((outcome) => outcome.kind === kind), kind);
  }
});

/** Two front ends that publish to one subject, each telling of what it learns of the newest. */
async function stormy(seed: number): Promise<{ outcomes: PublishOutcome[]; found: number[] }> {
  const rates = {
    messageLost: 0.03,
    answerLost: 0.03,
    arrivesLate: 0.03,
    committedLate: 0.03,
    refused: 0.03,
    unavailable: 0.03,
    full: 0.03,
    readFails: 0.05,
    replicaDamaged: 0.05,
  };
  const { clock, cluster, first, second, sequences } = open({
    random: new Random(seed),
    times: BUSY_TIMES,
    rates,
  });
  const outcomes: PublishOutcome[] = [];
  let running = 2;
  const work = async (view: SimulatedJetStream) => {
    for (let i = 0; i < 100; i++) {
      const newest = await view.lastSequence("L", "l.a").catch(() => 0);
      outcomes.push(await view.publish(message(newest)));
    }
    running--;
  };
  const all = [work(first), work(second)];
  while (running > 0) {
    clock.advance(1);
    await yieldToEventLoop();
  }
  await Promise.all(all);
  cluster.heal();
  clock.advance(10_000);
  await yieldToEventLoop();
  cluster.times = { ...BUSY_TIMES, requestMs: [0, 0], commitMs: [0, 0], answerMs: [0, 0] };
  const found = await sequences();
  for (const outcome of outcomes) {
    if (outcome.kind === "stored" && outcome.sequence <= 100) ok(found.includes(outcome.sequence));
  }
  return { outcomes, found };
}
