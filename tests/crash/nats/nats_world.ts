import { yieldToEventLoop } from "../../support/event_loop.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { wait } from "../../support/nats/delay.ts";
import { BUSY_TIMES, type FaultRates } from "../../support/nats/faults.ts";
import { SimulatedCluster } from "../../support/nats/simulated_cluster.ts";
import { Random } from "../../support/random.ts";
import { Violation } from "../history/violation.ts";
import { stackOf } from "./answer.ts";
import { FrontEnd, type OpenStorage } from "./front_end.ts";

/** Nothing takes longer than this, of the clock, once nothing fails any more. */
const LONGEST_WAIT_MS = 300_000;
const LONGEST_STEP_MS = 500;
const STEP_GROWTH = 1.3;
const FRONT_ENDS = 3;
/** Longer than any message is late, and any storage tries. */
const RESTING_MS = 60_000;

/** What of the disturbances has happened. */
export interface Counts {
  kills: number;
  disconnects: number;
  lostQuorums: number;
  stalls: number;
}

/** A cluster, its front ends, and what happens to them: all by one seed. */
export class NatsWorld {
  readonly clock = new ManualClock();
  readonly cluster: SimulatedCluster;
  readonly random: Random;
  readonly trace: string[] = [];
  readonly counts: Counts = { kills: 0, disconnects: 0, lostQuorums: 0, stalls: 0 };
  readonly #open: OpenStorage;
  readonly #disturbance: number;
  readonly #chances: Random;
  #frontEnds: FrontEnd[] = [];
  #opened = 0;
  #events = 0;
  #isHealed = false;
  #violation: Violation | undefined;

  constructor(seed: number, open: OpenStorage) {
    const random = new Random(seed);
    this.random = random;
    this.#open = open;
    this.#chances = random.split();
    this.#disturbance = random.pick([0, 0.01, 0.03, 0.06]);
    this.cluster = new SimulatedCluster({
      clock: this.clock,
      random: random.split(),
      times: { ...BUSY_TIMES, lagMs: [0, random.pick([0, 30, 2000])] },
      rates: drawRates(random),
      messageLimitBytes: random.pick([16 * 1024, 64 * 1024]),
      note: (line) => this.note(line),
    });
    this.note(`rates ${JSON.stringify(this.cluster.rates)}, disturbance ${this.#disturbance}`);
    for (let i = 0; i < FRONT_ENDS; i++) this.openFrontEnd();
  }

  get nowMs(): number {
    return this.clock.nowMs();
  }

  /** The next moment in the order of events. */
  nextEvent(): number {
    return this.#events++;
  }

  note(line: string): void {
    this.trace.push(`${String(this.clock.nowMs() % 10_000_000).padStart(7)} ${line}`);
  }

  /** One more front end, which remembers nothing. */
  openFrontEnd(): FrontEnd {
    const number = ++this.#opened;
    const frontEnd = new FrontEnd(number, this.cluster, this.random.split(), this.#open);
    this.note(`front end ${number} opens`);
    frontEnd.storage.then(() => this.note(`front end ${number} is open`), (error) => {
      this.note(`front end ${number} doesn't open: ${String(error)}`);
      if (!frontEnd.isAlive || this.#frontEnds.indexOf(frontEnd) < 0) return;
      // Its supervisor starts it anew.
      this.#frontEnds = this.#frontEnds.filter((one) => one !== frontEnd);
      frontEnd.kill();
      this.openFrontEnd();
    });
    this.#frontEnds.push(frontEnd);
    return frontEnd;
  }

  /** Any of those alive. */
  pickFrontEnd(random: Random): FrontEnd {
    return random.pick(this.#frontEnds);
  }

  get frontEnds(): readonly FrontEnd[] {
    return this.#frontEnds;
  }

  /** Something may happen to the cluster or a front end. */
  maybeDisturb(): void {
    const random = this.#chances;
    if (this.#isHealed || !random.chance(this.#disturbance)) return;
    const frontEnd = random.pick(this.#frontEnds);
    switch (random.below(5)) {
      case 0:
      case 1:
        return this.#replace(frontEnd);
      case 2:
        this.counts.disconnects++;
        frontEnd.view.disconnect();
        this.clock.setTimer(random.between(1, 4000), () => frontEnd.view.reconnect());
        return;
      case 3:
        this.counts.stalls++;
        frontEnd.stall();
        this.clock.setTimer(random.pick([50, 3000, 200_000]), () => frontEnd.resume());
        return;
      default:
        if (!this.cluster.hasQuorum) return;
        this.counts.lostQuorums++;
        this.cluster.loseQuorum({ isSilent: random.chance(0.5) });
        this.clock.setTimer(random.between(1, 6000), () => this.cluster.regainQuorum());
    }
  }

  /** For how long a client waits for an answer: mostly for long, and for ever once all is well. */
  clientTimeout(random: Random): Promise<void> {
    if (this.#isHealed) return new Promise(() => {});
    const limitMs = random.chance(0.2) ? random.between(1, 500) : random.between(500, 60_000);
    return wait(this.clock, limitMs);
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** From now on nothing fails any more. */
  heal(): void {
    this.note("all is well from now on");
    this.#isHealed = true;
    this.cluster.heal();
    for (const frontEnd of this.#frontEnds) {
      frontEnd.view.reconnect();
      frontEnd.resume();
    }
  }

  /** Lets the time go on until something is done. */
  async drive<T>(work: Promise<T>, what: string): Promise<T> {
    let isDone = false;
    const settle = () => {
      isDone = true;
    };
    work.then(settle, settle);
    let stepMs = 1;
    let seen = this.#events;
    let quietMs = 0;
    await yieldToEventLoop();
    while (!isDone && this.#violation === undefined) {
      if (quietMs > LONGEST_WAIT_MS) throw new Violation(`It hangs: ${what} never came`);
      this.clock.advance(Math.ceil(stepMs));
      await yieldToEventLoop();
      const hasEvents = seen !== this.#events;
      seen = this.#events;
      quietMs = hasEvents ? 0 : quietMs + stepMs;
      stepMs = hasEvents ? 1 : Math.min(stepMs * STEP_GROWTH, LONGEST_STEP_MS);
    }
    if (this.#violation !== undefined) throw this.#violation;
    return await work;
  }

  /** Lets the time go on for a while, in which clients do nothing. */
  async rest(ms = RESTING_MS): Promise<void> {
    await wait(this.clock, ms);
    this.#events++;
  }

  /** Waits until every front end is open; one that can't open is replaced. */
  async opened(): Promise<void> {
    for (let waiting = true; waiting;) {
      const all = await Promise.allSettled(this.#frontEnds.map(({ storage }) => storage));
      waiting = all.length !== this.#frontEnds.length ||
        all.some(({ status }) => status === "rejected");
      this.#events++;
    }
  }

  /** Ends the history where a promise was broken. */
  fail(error: unknown): void {
    this.#violation ??= error instanceof Violation
      ? error
      : new Violation(`The check itself failed: ${stackOf(error)}`);
  }

  /** The end of all front ends. */
  end(): void {
    for (const frontEnd of this.#frontEnds) frontEnd.kill();
  }

  #replace(frontEnd: FrontEnd): void {
    this.counts.kills++;
    this.#frontEnds = this.#frontEnds.filter((one) => one !== frontEnd);
    frontEnd.kill();
    this.openFrontEnd();
  }
}

/** Some histories have one kind of fault, some many, some none. */
function drawRates(random: Random): FaultRates {
  const share = random.pick([0, 0.2, 0.5, 1]);
  const rate = () => random.chance(share) ? random.pick([0.01, 0.05, 0.15]) : 0;
  return {
    messageLost: rate(),
    answerLost: rate(),
    arrivesLate: rate(),
    committedLate: rate() / 5,
    refused: rate(),
    unavailable: rate(),
    full: rate() / 5,
    readFails: rate() / 2,
    noticeLost: rate(),
    replicaDamaged: rate(),
  };
}
