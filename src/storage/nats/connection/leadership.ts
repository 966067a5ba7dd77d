import { NO_BYTES } from "../../../protocol/bytes.ts";
import type { Clock } from "../../../env/clock.ts";
import { JetStreamError, type NewMessage, type PublishOutcome } from "../jetstream.ts";
import { confirmedSubject } from "./log_config.ts";

/** Followers that have heard of a leader elect no other for 4 s: less, for clocks that run differently. */
const LEASE_MS = 3_500;
/** So old may what is known be when a question is sent. */
const FRESH_MS = 1_500;
/** Of a message that was sent, by two clocks: one may be set, the other stands still while the machine sleeps. */
export interface Moment {
  readonly wallMs: number;
  readonly elapsedMs: number;
}

const NEVER: Moment = { wallMs: -Infinity, elapsedMs: -Infinity };
/** Stands for "nothing is expected" of a message. */
export const ANYTHING = -1;

/**
 * Whether who answers for a log leads it still. A leader that has been cut off answers questions for up to 20 s,
 * while the others have elected another after 4 and store messages. But it can't store any: so a question is
 * sent only while a message that was stored proves that there can't be another leader yet, and where none was
 * stored lately, one is that serves nothing else.
 */
export class Leadership {
  readonly #clock: Clock;
  readonly #publish: (message: NewMessage) => Promise<PublishOutcome>;
  /** When the newest stored message of each log was sent, for logs with several replicas. */
  readonly #provenAt = new Map<string, Moment>();
  readonly #underWay = new Map<string, Promise<void>>();

  readonly #elapsedMs: () => number;

  /** @param elapsedMs ms that have passed, whatever the clock was set to */
  constructor(
    clock: Clock,
    publish: (message: NewMessage) => Promise<PublishOutcome>,
    elapsedMs: () => number = () => performance.now(),
  ) {
    this.#clock = clock;
    this.#publish = publish;
    this.#elapsedMs = elapsedMs;
  }

  /** To be asked as a message is sent. */
  now(): Moment {
    return { wallMs: this.#clock.nowMs(), elapsedMs: this.#elapsedMs() };
  }

  /** A log has several replicas: there may be two who think that they lead it. */
  add(log: string): void {
    if (!this.#provenAt.has(log)) this.#provenAt.set(log, NEVER);
  }

  /** A message that was sent then has been stored. */
  proveBy(log: string, sentAt: Moment): void {
    const known = this.#provenAt.get(log);
    if (known !== undefined && sentAt.elapsedMs >= known.elapsedMs) this.#provenAt.set(log, sentAt);
  }

  /**
   * Asks who leads a log, and answers what that is sure of.
   *
   * @throws {JetStreamError} `unavailable` where nothing can be stored
   */
  async ask<T>(log: string, question: () => Promise<T>): Promise<T> {
    if (!this.#provenAt.has(log)) return await question();
    if (this.#ageMs(log) > FRESH_MS) await this.#prove(log);
    const answer = await question();
    if (this.#ageMs(log) <= LEASE_MS) return answer;
    await this.#prove(log);
    const again = await question();
    if (this.#ageMs(log) <= LEASE_MS) return again;
    throw new JetStreamError("unavailable", `${log}: answers take too long to be relied on`);
  }

  /** By that clock of the two by which it is older; one that was set back may say anything. */
  #ageMs(log: string): number {
    const { wallMs, elapsedMs } = this.#provenAt.get(log) ?? NEVER;
    const now = this.now();
    return Math.max(Math.abs(now.wallMs - wallMs), now.elapsedMs - elapsedMs);
  }

  /** Once for all who ask meanwhile. */
  #prove(log: string): Promise<void> {
    const underWay = this.#underWay.get(log);
    if (underWay !== undefined) return underWay;
    const proof = this.#store(log).finally(() => this.#underWay.delete(log));
    this.#underWay.set(log, proof);
    return proof;
  }

  async #store(log: string): Promise<void> {
    const outcome = await this.#publish({
      log,
      subject: confirmedSubject(log),
      payload: NO_BYTES,
      expectedSequence: ANYTHING,
      rollup: true,
    });
    if (outcome.kind === "stored") return;
    const reason = "reason" in outcome ? outcome.reason : "refused";
    throw new JetStreamError("unavailable", `${log}: who leads it can't store: ${reason}`);
  }
}
