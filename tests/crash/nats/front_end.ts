import type { Clock } from "../../../src/env/clock.ts";
import type { JetStream } from "../../../src/storage/nats/jetstream.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { closedGate, type Gate } from "../../support/nats/delay.ts";
import type { SimulatedCluster } from "../../support/nats/simulated_cluster.ts";
import { SimulatedJetStream } from "../../support/nats/simulated_jetstream.ts";
import type { Random } from "../../support/random.ts";

/** What a front end's storage is made of. */
export interface FrontEndParts {
  readonly jetStream: JetStream;
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens the storage of a front end; the cluster is for tests of the histories themselves. */
export type OpenStorage = (parts: FrontEndParts, cluster: SimulatedCluster) => Promise<Storage>;

/** One front end: its connection and its memory, which are gone when it is killed. */
export class FrontEnd {
  readonly number: number;
  readonly view: SimulatedJetStream;
  /** Resolves when it has opened; never for one that was killed before. */
  readonly storage: Promise<Storage>;
  /** Resolves when it dies. */
  readonly died: Promise<"died">;
  readonly #clock: MortalClock;
  #die: () => void = () => {};

  constructor(number: number, cluster: SimulatedCluster, random: Random, open: OpenStorage) {
    this.number = number;
    this.view = new SimulatedJetStream(cluster);
    this.#clock = new MortalClock(cluster.clock);
    this.died = new Promise((resolve) => this.#die = () => resolve("died"));
    this.storage = open({ jetStream: this.view, clock: this.#clock, random }, cluster);
    // A failed start is for who waits for it.
    this.storage.catch(() => {});
  }

  get isAlive(): boolean {
    return this.#clock.isAlive;
  }

  /** It stands still until {@link resume}: no answer and no timer reaches it. */
  stall(): void {
    this.view.stall();
    this.#clock.stall();
  }

  resume(): void {
    this.view.resume();
    this.#clock.resume();
  }

  /** Resolves when it doesn't stand still. */
  running(): Promise<void> {
    return this.#clock.running();
  }

  kill(): void {
    this.#clock.isAlive = false;
    this.view.kill();
    this.#die();
  }
}

/** The clock of a process: its timers end with it, and wait while it stands still. */
class MortalClock implements Clock {
  isAlive = true;
  readonly #clock: Clock;
  #stalled: Gate | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  setTimer(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    const fire = () => {
      if (this.isAlive && !isCancelled) run();
    };
    const cancel = this.#clock.setTimer(delayMs, () => {
      if (this.#stalled === undefined) fire();
      else void this.running().then(fire);
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  stall(): void {
    this.#stalled ??= closedGate();
  }

  resume(): void {
    this.#stalled?.open();
    this.#stalled = undefined;
  }

  async running(): Promise<void> {
    while (this.#stalled !== undefined) await this.#stalled.opened;
  }
}
