import { ok } from "node:assert/strict";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { StreamError } from "../../../../src/protocol/errors.ts";
import { openNatsStorage } from "../../../../src/storage/nats/open.ts";
import { NatsSubscriptions } from "../../../../src/storage/nats/subscriptions/nats_subscriptions.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import type { Wake } from "../../../../src/storage/subscription_store.ts";
import { tokenPosition } from "../../../../src/protocol/offset.ts";
import { yieldToEventLoop } from "../../../support/event_loop.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { BUSY_TIMES, type FaultRates } from "../../../support/nats/faults.ts";
import { SimulatedCluster } from "../../../support/nats/simulated_cluster.ts";
import { SimulatedJetStream } from "../../../support/nats/simulated_jetstream.ts";
import { Random } from "../../../support/random.ts";

const STREAMS = ["a/0", "a/1", "a/2", "a/3"];
const FRONT_ENDS = 3;
const RATES: FaultRates = {
  messageLost: 0.02,
  answerLost: 0.02,
  arrivesLate: 0.01,
  committedLate: 0.01,
  refused: 0.02,
  unavailable: 0.02,
  readFails: 0.02,
  noticeLost: 0.05,
};
const TEXT = "text/plain";
const LEASE_MS = 3000;
/** More steps of the clock than any history takes. */
const MOST_STEPS = 400_000;

interface FrontEnd {
  readonly jetStream: SimulatedJetStream;
  readonly storage: Storage;
  readonly store: NatsSubscriptions;
}

/** What is known of a claim. */
interface Claimed {
  readonly wake: Wake;
  readonly order: number;
}

/**
 * A random history: appends and workers through several front ends of a cluster that loses and delays,
 * while front ends die and are cut off. Throws what is wrong with it.
 */
export class SubscriptionHistory {
  readonly #clock = new ManualClock();
  readonly #random: Random;
  readonly #cluster: SimulatedCluster;
  readonly #frontEnds: FrontEnd[] = [];
  /** Of each stream, up to where appends were acknowledged. */
  readonly #acknowledged = new Map<string, number>();
  /** Of each stream, up to where claims have told of it. */
  readonly #told = new Map<string, number>();
  readonly #claims = new Map<number, Claimed>();
  readonly #notes: string[] = [];
  #newestGeneration = 0;
  #order = 0;
  #isOver = false;
  /** The newest refusal. */
  #refusal: string | undefined;
  readonly #steps: number;
  readonly counts = { appends: 0, claims: 0, acks: 0, killed: 0 };

  /** @param steps how many appends each of the writers tries */
  constructor(seed: number, steps: number) {
    this.#random = new Random(seed);
    this.#steps = steps;
    this.#cluster = new SimulatedCluster({
      clock: this.#clock,
      random: new Random(seed + 1),
      times: BUSY_TIMES,
      note: (line) => this.#note(line),
    });
  }

  /** All that happened, in words. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  async run(): Promise<void> {
    let isDone = false;
    const story = this.#story();
    story.catch(() => {}).finally(() => isDone = true);
    for (let step = 0; !isDone; step++) {
      ok(step < MOST_STEPS, "it comes to an end");
      await yieldToEventLoop();
      this.#clock.advance(this.#random.between(1, 10));
    }
    await story;
  }

  async #story(): Promise<void> {
    for (let i = 0; i < FRONT_ENDS; i++) await this.#open();
    await this.#prepare();
    this.#cluster.rates = RATES;
    const workers = [this.#work("w1"), this.#work("w2")];
    const chaos = this.#chaos();
    await Promise.all([this.#write(), this.#write()]);
    this.#isOver = true;
    await Promise.all([...workers, chaos]);
    this.#cluster.heal();
    for (const { jetStream } of this.#frontEnds) jetStream.reconnect();
    await this.#finish();
    await Promise.all(this.#frontEnds.map(({ storage }) => storage.close()));
  }

  async #prepare(): Promise<void> {
    const { storage } = this.#any();
    await storage.create("wake", { contentType: "application/json" });
    for (const name of STREAMS) await storage.create(name, { contentType: TEXT });
    await this.#any().store.create("s", {
      type: "pull-wake",
      pattern: "a/*",
      streams: [],
      webhookUrl: undefined,
      wakeStream: "wake",
      leaseMs: LEASE_MS,
      description: undefined,
      baseUrl: "",
    });
    for (const { store } of this.#frontEnds) this.#drive(store);
  }

  /** A driver that looks at what it is told of. */
  #drive(store: NatsSubscriptions): void {
    const look = (id: number) => {
      store.step(id).then(
        (step) => {
          if (step.kind !== "wait") return;
          const delayMs = Math.max(1, step.untilMs - this.#clock.nowMs());
          this.#clock.setTimer(delayMs, () => look(id));
        },
        () => this.#clock.setTimer(1000, () => look(id)),
      );
    };
    store.attach(look);
    for (const id of store.ids()) look(id);
  }

  async #open(): Promise<FrontEnd> {
    const jetStream = new SimulatedJetStream(this.#cluster);
    const storage = await openNatsStorage({
      jetStream,
      clock: this.#clock,
      shards: 2,
      random: () => this.#random.between(0, 999) / 1000,
    });
    const store = storage.subscriptions;
    ok(store instanceof NatsSubscriptions);
    const frontEnd = { jetStream, storage, store };
    this.#frontEnds.push(frontEnd);
    return frontEnd;
  }

  async #write(): Promise<void> {
    for (let i = 0; i < this.#steps; i++) {
      await this.#pause(this.#random.between(1, 200));
      const name = this.#random.pick(STREAMS);
      const { storage } = this.#any();
      const request = { contentType: TEXT, body: encodeUtf8("x") };
      const tail = await this.#limited(storage.append(name, request).then(({ tail }) => tail));
      if (tail === undefined) continue;
      this.counts.appends++;
      this.#note(`append ${name} to ${tail}`);
      this.#acknowledged.set(name, Math.max(tail, this.#acknowledged.get(name) ?? 0));
    }
  }

  async #work(worker: string): Promise<void> {
    while (!this.#isOver) {
      await this.#pause(this.#random.between(10, 300));
      const wake = await this.#claim(worker);
      if (wake === undefined) continue;
      // Sometimes for longer than its lease.
      await this.#pause(this.#random.between(0, this.#random.chance(0.3) ? LEASE_MS + 1000 : 200));
      await this.#ack(wake);
    }
  }

  async #claim(worker: string): Promise<Wake | undefined> {
    const wake = await this.#limited(this.#any().store.claim("s", worker));
    if (wake === undefined) return undefined;
    this.counts.claims++;
    const { generation } = wake.subscription.state;
    this.#note(`${worker} claims ${generation}`);
    ok(!this.#claims.has(generation), `generation ${generation} is claimed once`);
    this.#claims.set(generation, { wake, order: ++this.#order });
    this.#newestGeneration = Math.max(this.#newestGeneration, generation);
    for (const { path, tail, acked } of wake.streams) {
      ok(acked <= (this.#told.get(path) ?? 0), `${path} is told of from ${acked} on without a gap`);
      this.#told.set(path, Math.max(tail, this.#told.get(path) ?? 0));
    }
    return wake;
  }

  async #ack(wake: Wake): Promise<void> {
    const { id, state: { generation, wakeId } } = wake.subscription;
    const fence = { token: { subscriptionId: id, generation, wakeId }, generation, wakeId };
    const acks = wake.streams.map(({ path, tail, tailOffset }) => ({
      path,
      offset: tail,
      token: tailOffset,
    }));
    const isOld = this.#newestGeneration > generation;
    const acked = await this.#limited(this.#any().store.ack("s", fence, acks, true));
    if (acked === undefined) return;
    this.counts.acks++;
    this.#note(`ack of ${generation}`);
    ok(
      !isOld,
      `an ack of ${generation} is fenced, since ${this.#newestGeneration} was claimed before`,
    );
  }

  async #chaos(): Promise<void> {
    while (!this.#isOver) {
      await this.#pause(this.#random.between(500, 6000));
      const frontEnd = this.#any();
      const what = this.#random.between(0, 3);
      if (what === 0) {
        // Another one first: where it can't be opened now nobody dies.
        const opened = await this.#limited(this.#open());
        if (opened === undefined) continue;
        this.#drive(opened.store);
        this.counts.killed++;
        this.#frontEnds.splice(this.#frontEnds.indexOf(frontEnd), 1);
        frontEnd.jetStream.kill();
      } else if (what === 1) {
        frontEnd.jetStream.disconnect();
        await this.#pause(this.#random.between(100, 9000));
        frontEnd.jetStream.reconnect();
      } else if (what === 2) {
        this.#cluster.loseQuorum({ isSilent: this.#random.chance(0.5) });
        await this.#pause(this.#random.between(100, 4000));
        this.#cluster.regainQuorum();
      } else {
        await this.#limited(frontEnd.store.snapshot());
      }
    }
  }

  /** With nothing in the way any more: all that was acknowledged was told of, and all is processed. */
  async #finish(): Promise<void> {
    for (let tries = 0, idle = 0; idle < 3; tries++) {
      ok(tries < 100, "nothing is pending in the end");
      await this.#pause(1500);
      this.#refusal = undefined;
      const wake = await this.#claim("last");
      if (wake !== undefined) await this.#ack(wake);
      idle = this.#refusal === "no_pending_work" ? idle + 1 : 0;
    }
    for (const [name, tail] of this.#acknowledged) {
      ok((this.#told.get(name) ?? 0) >= tail, `${name} was told of up to ${tail}`);
    }
    const { links } = await this.#any().store.links("s", undefined, 100);
    for (const { path, ackedOffset } of links) {
      const { tail } = await this.#any().storage.head(path);
      const acked = ackedOffset === "-1" ? 0 : tokenPosition(ackedOffset);
      ok(acked === tail, `${path} is processed up to ${acked}, and ends at ${tail}`);
    }
    ok(this.counts.claims > 0 && this.counts.acks > 0);
  }

  #any(): FrontEnd {
    return this.#random.pick(this.#frontEnds);
  }

  /** What a client gets that waits for so long; nothing of refusals. */
  async #limited<T>(call: Promise<T>): Promise<T | undefined> {
    const late = this.#pause(15_000).then(() => undefined);
    const answer = call.catch((error: unknown) => {
      if (!(error instanceof StreamError)) throw error;
      this.#refusal = error.code;
      this.#note(`refused: ${error.message}`);
      return undefined;
    });
    return await Promise.race([answer, late]);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(delayMs, resolve));
  }

  #note(line: string): void {
    this.#notes.push(`${this.#clock.nowMs() % 10_000_000} ${line}`);
  }
}
