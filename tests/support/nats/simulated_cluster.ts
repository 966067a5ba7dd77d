import type { Clock } from "../../../src/env/clock.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import {
  type JetStream,
  JetStreamError,
  type LogConfig,
  type SyncSetting,
} from "../../../src/storage/nats/jetstream.ts";
import { Random } from "../random.ts";
import { closedGate, type Gate } from "./delay.ts";
import { FaultScript } from "./fault_script.ts";
import {
  AT_ONCE_TIMES,
  type CallFault,
  type ClusterTimes,
  drawCallFault,
  drawPublishFault,
  type FaultRates,
  happens,
  type PublishFault,
  type RangeMs,
  type ReadFault,
} from "./faults.ts";
import { SimulatedLog } from "./simulated_log.ts";

const MESSAGE_LIMIT_BYTES = 1024 * 1024;

/** How a made-up cluster is to be. */
export interface ClusterOptions {
  readonly clock: Clock;
  /** What its chances come from. */
  readonly random?: Random;
  readonly times?: ClusterTimes;
  readonly rates?: FaultRates;
  readonly messageLimitBytes?: number;
  readonly sync?: SyncSetting;
  /** Is told what happens, in words. */
  readonly note?: (line: string) => void;
}

/** A cluster of three servers that several front ends are connected to. */
export class SimulatedCluster {
  readonly clock: Clock;
  readonly random: Random;
  readonly script = new FaultScript();
  readonly messageLimitBytes: number;
  readonly sync: SyncSetting;
  times: ClusterTimes;
  rates: FaultRates;
  readonly #logs = new Map<string, SimulatedLog>();
  readonly #note: ((line: string) => void) | undefined;
  /** Who serves which subject. */
  readonly served = new Map<string, (payload: Bytes) => Promise<Bytes>>();
  #frontEnds = 0;
  #faults = 0;
  #isHealed = false;
  #noQuorum: { readonly gate: Gate; readonly isSilent: boolean } | undefined;

  constructor(options: ClusterOptions) {
    this.clock = options.clock;
    this.random = options.random ?? new Random(1);
    this.times = options.times ?? AT_ONCE_TIMES;
    this.rates = options.rates ?? {};
    this.messageLimitBytes = options.messageLimitBytes ?? MESSAGE_LIMIT_BYTES;
    this.sync = options.sync ?? { kind: "interval", intervalMs: 120_000 };
    this.#note = options.note;
  }

  /** How many faults have happened. */
  get faults(): number {
    return this.#faults;
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  get hasQuorum(): boolean {
    return this.#noQuorum === undefined;
  }

  /** The number of one more front end. */
  nextFrontEnd(): number {
    return ++this.#frontEnds;
  }

  /**
   * Two of three servers are away: nothing is stored, and no leader answers. Publishes hang, and may be
   * stored afterwards, if the cluster is silent; else they are refused.
   */
  loseQuorum(options: { isSilent: boolean }): void {
    this.#noQuorum ??= { gate: closedGate(), isSilent: options.isSilent };
    this.note("no quorum");
  }

  /** They are back. */
  regainQuorum(): void {
    this.#noQuorum?.gate.open();
    this.#noQuorum = undefined;
    this.note("quorum");
  }

  /** All faults by chance end, and what hangs goes on: what comes from now on is served well. */
  heal(): void {
    this.#isHealed = true;
    this.rates = {};
    this.regainQuorum();
    for (const log of this.#logs.values()) log.holdFollowers(false);
  }

  /** A log that was made. */
  log(name: string): SimulatedLog | undefined {
    return this.#logs.get(name);
  }

  /** Makes a log where there is none of this name. */
  makeLog(config: LogConfig): void {
    if (this.#logs.has(config.name)) return;
    this.#logs.set(config.name, new SimulatedLog(config, this.clock, () => this.draw("lagMs")));
  }

  /**
   * The log, for who asks its leader.
   *
   * @throws {JetStreamError} `unavailable`
   */
  leaderOf(name: string): SimulatedLog {
    if (!this.hasQuorum) throw new JetStreamError("unavailable", "There is no quorum.");
    return this.logOf(name);
  }

  /** @throws {JetStreamError} `unavailable` */
  logOf(name: string): SimulatedLog {
    const log = this.#logs.get(name);
    if (log === undefined) throw new JetStreamError("unavailable", `There is no log ${name}.`);
    return log;
  }

  /** How long the next of this takes. */
  draw(what: Exclude<keyof ClusterTimes, "answerLimitMs">): number {
    const [first, last]: RangeMs = this.times[what];
    return last === 0 ? 0 : this.random.between(first, last);
  }

  /** Resolves while there is a quorum. */
  async quorum(): Promise<void> {
    while (this.#noQuorum !== undefined) await this.#noQuorum.gate.opened;
  }

  /** Whether a publish is refused for want of a quorum, and hangs otherwise. */
  get refusesPublishes(): boolean {
    return this.#noQuorum?.isSilent === false;
  }

  publishFault(by: JetStream, subject: string): PublishFault | undefined {
    const fault = this.script.takePublish(by, subject) ??
      drawPublishFault(this.random, this.rates, this.times);
    if (fault !== undefined) this.#faults++;
    return fault;
  }

  readFault(by: JetStream, subject: string): ReadFault | undefined {
    const fault = this.script.takeRead(by, subject) ??
      (happens(this.random, this.rates.readFails) ? { kind: "unavailable" as const } : undefined);
    if (fault !== undefined) this.#faults++;
    return fault;
  }

  callFault(by: JetStream, subject: string): CallFault | undefined {
    const fault = this.script.takeCall(by, subject) ??
      drawCallFault(this.random, this.rates, this.times);
    if (fault !== undefined) this.#faults++;
    return fault;
  }

  isNoticeLost(by: JetStream, subject: string): boolean {
    const isLost = this.script.takeNotice(by, subject) ||
      happens(this.random, this.rates.noticeLost);
    if (isLost) this.#faults++;
    return isLost;
  }

  /** Some message may have been damaged on a follower. */
  maybeDamage(log: SimulatedLog, sequence: number): void {
    if (log.config.replicas < 2 || !happens(this.random, this.rates.replicaDamaged)) return;
    this.#faults++;
    const replica = this.random.between(1, log.config.replicas - 1);
    this.note(`replica ${replica} of ${log.config.name} loses ${sequence}`);
    log.damage(replica, sequence);
  }

  note(line: string): void {
    this.#note?.(line);
  }
}
