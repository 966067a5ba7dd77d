import type { Clock } from "../../../src/env/clock.ts";
import type {
  LogConfig,
  NewMessage,
  PublishOutcome,
  StoredNotice,
} from "../../../src/storage/nats/jetstream.ts";
import { type Delay, wait } from "./delay.ts";
import { type HeldMessage, type ReplicaEntry, SimulatedReplica } from "./simulated_replica.ts";
import { matchesSubject } from "./subject_pattern.ts";

/** Is told of what a log stores. */
export type StoredListener = (subject: string, notice: StoredNotice) => void;

/** One follower of the leader: what it has yet to do, and from when on it may. */
interface Behind {
  readonly replica: SimulatedReplica;
  readonly entries: { readonly entry: ReplicaEntry; readonly fromMs: number }[];
}

/**
 * A log with its leader and followers. The leader compares expectations, lets no second message of a subject
 * in while one is under way, and finishes what it has taken in that order.
 */
export class SimulatedLog {
  readonly config: LogConfig;
  readonly leader: SimulatedReplica;
  /** Called for each message that was stored. */
  readonly stored = new Set<StoredListener>();
  /** Called after each change. */
  readonly changed = new Set<() => void>();
  readonly #clock: Clock;
  readonly #lagMs: () => number;
  readonly #followers: Behind[];
  readonly #underWay = new Set<string>();
  #commits: Promise<void> = Promise.resolve();
  #sequence = 0;
  /** That of the newest message that the leader has taken. */
  #proposed = 0;
  #isHeld = false;

  constructor(config: LogConfig, clock: Clock, lagMs: () => number) {
    this.config = config;
    this.#clock = clock;
    this.#lagMs = lagMs;
    this.leader = new SimulatedReplica(config.messagesPerSubject);
    this.#followers = Array.from({ length: config.replicas - 1 }, () => ({
      replica: new SimulatedReplica(config.messagesPerSubject),
      entries: [],
    }));
  }

  get lastSequence(): number {
    return this.#sequence;
  }

  has(subject: string): boolean {
    return this.config.subjects.some((pattern) => matchesSubject(pattern, subject));
  }

  /** Takes messages or refuses them at once; resolves when they are stored. */
  async propose(
    messages: readonly NewMessage[],
    commit: () => Delay,
    quorum: () => Promise<void>,
  ): Promise<PublishOutcome> {
    const firsts = new Map<string, NewMessage>();
    for (const message of messages) {
      if (!firsts.has(message.subject)) firsts.set(message.subject, message);
    }
    for (const message of firsts.values()) {
      const { subject, expectedSequence } = message;
      const fence: unknown = Reflect.get(message, "expectedLogSequence");
      if (typeof fence === "number" && fence !== this.#proposed) {
        return { kind: "refused", lastSequence: this.#proposed };
      }
      // No port sends one without: such are taken as a server takes them, for bugs that are planted.
      if (expectedSequence === undefined) continue;
      if (this.#underWay.has(subject)) return { kind: "refused", lastSequence: undefined };
      const lastSequence = this.leader.newest(subject, this.#clock.nowMs())?.sequence ?? 0;
      if (lastSequence !== expectedSequence) return { kind: "refused", lastSequence };
    }
    this.#proposed += messages.length;
    for (const subject of firsts.keys()) this.#underWay.add(subject);
    await this.#inTurn(commit(), quorum);
    for (const subject of firsts.keys()) this.#underWay.delete(subject);
    for (const message of messages) this.#store(message);
    return { kind: "stored", sequence: this.#sequence };
  }

  /** Removes a subject's messages; resolves when that is done. */
  async purge(
    subject: string,
    upToSequence: number,
    commit: Delay,
    quorum: () => Promise<void>,
  ): Promise<void> {
    await this.#inTurn(commit, quorum);
    this.#apply({ kind: "purge", subject, upToSequence });
  }

  /** The replica of a number, as far as it is by now; 0 is the leader. */
  replica(number: number): SimulatedReplica {
    const follower = this.#followers[number - 1];
    if (number === 0 || follower === undefined) return this.leader;
    const nowMs = this.#clock.nowMs();
    while (!this.#isHeld) {
      const next = follower.entries[0];
      if (next === undefined || next.fromMs > nowMs) break;
      follower.entries.shift();
      follower.replica.apply(next.entry);
    }
    return follower.replica;
  }

  /** Followers stay where they are from now on, or go on. */
  holdFollowers(isHeld: boolean): void {
    for (let number = 1; number <= this.#followers.length; number++) this.replica(number);
    this.#isHeld = isHeld;
  }

  /** A follower loses a message, and doesn't notice. */
  damage(replica: number, sequence: number): void {
    const follower = this.#followers[replica - 1];
    if (follower === undefined) throw new Error(`There is no follower ${replica}.`);
    follower.replica.damage(sequence);
    const at = follower.entries.findIndex(({ entry }) =>
      entry.kind === "store" && entry.message.sequence === sequence
    );
    if (at >= 0) follower.entries.splice(at, 1);
  }

  async #inTurn(commit: Delay, quorum: () => Promise<void>): Promise<void> {
    const ready = wait(this.#clock, commit);
    const turn = this.#commits.then(() => ready).then(quorum);
    this.#commits = turn;
    await turn;
  }

  #store(message: NewMessage): void {
    const { subject, payload, headers = {}, ttlSeconds, rollup = false } = message;
    const nowMs = this.#clock.nowMs();
    const previousSequence = this.leader.newest(subject, nowMs)?.sequence ?? 0;
    const sequence = ++this.#sequence;
    const held: HeldMessage = {
      subject,
      sequence,
      atMs: nowMs,
      payload: payload.slice(),
      headers: { ...headers },
      untilMs: ttlSeconds === undefined ? Infinity : nowMs + ttlSeconds * 1000,
    };
    this.#apply({ kind: "store", message: held, rollup });
    const notice = { sequence, previousSequence, headers: held.headers };
    for (const listener of [...this.stored]) listener(subject, notice);
  }

  #apply(entry: ReplicaEntry): void {
    this.leader.apply(entry);
    const nowMs = this.#clock.nowMs();
    for (const { entries } of this.#followers) {
      const fromMs = Math.max(nowMs + this.#lagMs(), entries.at(-1)?.fromMs ?? 0);
      entries.push({ entry, fromMs });
    }
    if (!this.#isHeld) {
      // What needn't wait is done now, so that nothing heaps up where nobody reads.
      for (let number = 1; number <= this.#followers.length; number++) this.replica(number);
    }
    for (const listener of [...this.changed]) listener();
  }
}
