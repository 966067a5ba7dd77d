import type { Clock } from "../../env/clock.ts";
import { CallbackDeadline, DeadlineQueue } from "../../env/deadline_queue.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { Client } from "./client_table.ts";
import { TokenRate } from "./token_rate.ts";

/** What a client gets told at once; more of its rejections are held back, as its next request is by that. */
const PROMPT_REJECTIONS = { perSecond: 10 };
/** So long, in ticks of {@link TICK_MS}. */
const HELD_TICKS = 10;
const TICK_MS = 100;

/** Rejects clients: one that goes on after rejections is answered late, so that it costs the others nothing. */
export class HeldRejections {
  readonly #rate = new TokenRate(PROMPT_REJECTIONS);
  readonly #held: DeadlineQueue;

  constructor(clock: Clock) {
    this.#held = new DeadlineQueue(clock, TICK_MS);
  }

  /** Calls `reject`, at once or later. */
  add(client: Client, nowMs: number, reject: () => void): void {
    if (this.#rate.waitMs(client.rejectionsFullAtMs, nowMs) > 0) {
      return this.#held.add(new CallbackDeadline(reject), HELD_TICKS);
    }
    client.rejectionsFullAtMs = this.#rate.take(client.rejectionsFullAtMs, 1, nowMs);
    reject();
  }
}

/**
 * The error for a client at its limit.
 *
 * @param message what the limit is
 */
export function tooMany(waitMs: number, message: string): StreamError {
  const retryAfterMs = Math.ceil(waitMs);
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new StreamError(
    { code: "too_many_requests", retryAfterMs },
    `${message}: try again in ${seconds} s.`,
  );
}
