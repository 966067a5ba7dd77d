import { StreamError } from "../../../src/protocol/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import type { SubscriptionStore } from "../../../src/storage/subscription_store.ts";
import type { Call, Fault } from "../../support/simulation/faults.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import type { FaultyFileSystem } from "../../support/simulation/faulty_file_system.ts";
import type { World } from "./world.ts";
import { Violation } from "./violation.ts";

/** The process ended before it answered. */
export class LifeOver extends Error {
  override readonly name = "LifeOver";
}

/** Whether a refusal says that something is lacking for now, and nothing was decided. */
export function isShortageCode(code: string): boolean {
  return code === "storage_full" || code === "overloaded";
}

/**
 * Whether a call that failed so may be made again: a look-up, an open, and what there was no room for.
 * Of a sync that has failed nobody knows what became.
 */
function isTransient({ call, kind }: Fault): boolean {
  if (call === "look up") return true;
  if (kind === "too_many_open_files") return OPENING.includes(call);
  return kind === "no_space" && NEEDING_SPACE.includes(call);
}

const OPENING: readonly Call[] = ["open", "sync directory", "store", "store state"];
const NEEDING_SPACE: readonly Call[] = ["write", "store", "store state"];

/** No try of anything is put off for longer. */
const LONGEST_RETRY_MS = 31_000;

/** How long an answer may take, in turns of the event loop. */
const TIMEOUT_TURNS = 3000;

/** One life of the storage: what is asked of it, and what of that is still to be answered. */
export class Session {
  readonly storage: Storage;
  readonly world: World;
  readonly #fileSystem: FaultyFileSystem;
  #outstanding = 0;
  #isClosing = false;
  #violation: Violation | undefined;

  constructor(world: World, storage: Storage) {
    this.world = world;
    this.storage = storage;
    this.#fileSystem = world.machine.fileSystem;
  }

  /** The subscriptions of the storage. */
  get subscriptions(): SubscriptionStore {
    const { subscriptions } = this.storage;
    if (subscriptions === undefined) throw new Violation("The storage has no subscriptions");
    return subscriptions;
  }

  get isOver(): boolean {
    return this.#fileSystem.process.hasExited;
  }

  /** How many answers are still to come. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Whether a fault may be to blame for what fails now. */
  get isFaulty(): boolean {
    return this.#fileSystem.faults.fired.length > 0;
  }

  /** Whether a fault may have ended all writing: what passes never does. */
  get mayHaveFailed(): boolean {
    return this.#fileSystem.faults.fired.some((fault) => !isTransient(fault));
  }

  /** Throws what an answer has shown to be wrong, or what the storage says of itself. */
  check(): void {
    if (this.#violation !== undefined) throw this.#violation;
    if (this.isOver || this.#isClosing || this.mayHaveFailed) return;
    const { state, reason, figures } = this.storage.status();
    if (state === "failed") throw new Violation(`The storage has failed: ${reason}`);
    if (figures.failedCheckpoints > 0 && !this.isFaulty) {
      throw new Violation(`${figures.failedCheckpoints} checkpoints have failed`);
    }
  }

  /** What was lacking is there again: the storage goes on, and says so. */
  async recover(): Promise<void> {
    if (!this.isFaulty || this.mayHaveFailed || this.isOver) return;
    this.#fileSystem.faults.clear();
    this.world.machine.clock.advance(LONGEST_RETRY_MS);
    await this.#waitUntil(() => this.storage.status().state === "ok", "the end of a shortage");
    await this.drain();
  }

  /** The storage is being closed: what is refused for that reason may still be stored. */
  closing(): void {
    this.#isClosing = true;
  }

  /**
   * Asks for something, and judges the answer when it comes. An answer that comes after the process's end
   * was never given. What fails for a fault's sake may be stored or not.
   *
   * @param refused what a refusal means; `unknown` where it leaves open what has happened
   */
  ask<T>(
    answer: Promise<T>,
    judge: { done(result: T): void; refused(error: StreamError): void; unknown(): void },
  ): void {
    this.#outstanding++;
    answer.then(
      (result) => this.#judge(() => judge.done(result)),
      (error) => this.#judge(() => this.#failed(error, judge)),
    ).finally(() => this.#outstanding--);
  }

  /** The answer; the time goes on meanwhile. */
  async answer<T>(answer: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    answer.then(settle, settle);
    await this.#waitUntil(() => isSettled, "an answer");
    if (this.isOver) throw new LifeOver();
    return await answer;
  }

  /** Waits for all answers, or for the end of the process; the time goes on meanwhile. */
  async drain(): Promise<void> {
    await this.#waitUntil(() => this.#outstanding === 0, "answers");
    this.check();
  }

  async #waitUntil(isDone: () => boolean, what: string): Promise<void> {
    for (let turns = 0; !isDone() && !this.isOver; turns++) {
      if (turns > TIMEOUT_TURNS) throw new Violation(`The storage hangs: ${what} never came`);
      // What waits for room on the disk waits until there is some.
      if (turns === TIMEOUT_TURNS / 2) this.#fileSystem.faults.clear();
      if (turns % 100 === 99) this.world.machine.clock.advance(700);
      await yieldToEventLoop();
    }
  }

  #failed(
    error: unknown,
    judge: { refused(error: StreamError): void; unknown(): void },
  ): void {
    if (!(error instanceof StreamError)) {
      if (!this.isFaulty) throw new Violation(`An answer failed: ${describe(error)}`);
      return judge.unknown();
    }
    const isUnknown = error.code === "storage_failed" || error.code === "storage_closed";
    if (!isUnknown) return judge.refused(error);
    const isAllowed = error.code === "storage_closed" ? this.#isClosing : this.mayHaveFailed;
    if (!isAllowed) throw new Violation(`${error.message} ${describe(error.cause)}`);
    judge.unknown();
  }

  #judge(run: () => void): void {
    if (this.isOver) return;
    try {
      run();
    } catch (error) {
      this.#violation ??= error instanceof Violation
        ? error
        : new Violation(`The check itself failed: ${describe(error)}`);
    }
  }
}

/** An error with where it comes from. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
