import { NO_BYTES } from "../../../protocol/bytes.ts";
import type { Clock } from "../../../env/clock.ts";
import { JetStreamError, type NewMessage, type PublishOutcome } from "../jetstream.ts";
import { confirmedSubject } from "./log_config.ts";

/** Followers that have heard of a leader elect no other for 4 s: less, for clocks that run differently. */
const LEASE_MS = 3_500;
/** So old may what is known be when a question is sent. */
const FRESH_MS = 1_500;
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
  readonly #provenAtMs = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(clock: Clock, publish: (message: NewMessage) => Promise<PublishOutcome>) {
    this.#clock = clock;
    this.#publish = publish;
  }

  /** A log has several replicas: there may be two who think that they lead it. */
  add(log: string): void {
    if (!this.#provenAtMs.has(log)) this.#provenAtMs.set(log, -Infinity);
  }

  /** A message that was sent then has been stored. */
  proveBy(log: string, sentAtMs: number): void {
    const known = this.#provenAtMs.get(log);
    if (known !== undefined && sentAtMs > known) this.#provenAtMs.set(log, sentAtMs);
  }

  /**
   * Asks who leads a log, and answers what that is sure of.
   *
   * @throws {JetStreamError} `unavailable` where nothing can be stored
   */
  async ask<T>(log: string, question: () => Promise<T>): Promise<T> {
    if (!this.#provenAtMs.has(log)) return await question();
    if (this.#ageMs(log) > FRESH_MS) await this.#prove(log);
    const answer = await question();
    if (this.#ageMs(log) <= LEASE_MS) return answer;
    await this.#prove(log);
    const again = await question();
    if (this.#ageMs(log) <= LEASE_MS) return again;
    throw new JetStreamError("unavailable", `${log}: answers take too long to be relied on`);
  }

  #ageMs(log: string): number {
    return Math.abs(this.#clock.nowMs() - (this.#provenAtMs.get(log) ?? -Infinity));
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
