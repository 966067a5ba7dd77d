import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../../env/clock.ts";
import { Deadline, DeadlineQueue } from "../../../env/deadline_queue.ts";
import type { LinkListener } from "./link.ts";

/** Somebody who waits for an answer, or several. */
export abstract class Waiter extends Deadline {
  /** For the replies alone. */
  token = "";
  replies: Replies | undefined;

  /** An answer has come; true where it was the last. */
  abstract onReply(message: Msg): boolean;
  /** No answer came in time. */
  abstract onTimeout(): void;
  /** The connection has ended before the answer. */
  abstract onLost(): void;

  override expire(): void {
    this.replies?.remove(this);
    this.onTimeout();
  }
}

const TICK_MS = 50;

/**
 * All answers of a connection: one subscription, and a token for each who waits. The library's own way, which
 * settles a promise and a timer of its own for each, costs twice to four times the CPU time a publish.
 */
export class Replies implements LinkListener {
  readonly #deadlines: DeadlineQueue;
  readonly #newPrefix: () => string;
  readonly #waiters = new Map<string, Waiter>();
  #prefix = "";
  #lastToken = 0;

  /** @param newPrefix a subject that nobody else has, with a dot at its end */
  constructor(clock: Clock, newPrefix: () => string) {
    this.#deadlines = new DeadlineQueue(clock, TICK_MS);
    this.#newPrefix = newPrefix;
  }

  onUp(connection: NatsConnection): void {
    // Another one for each connection: an answer to what the last one asked isn't mistaken.
    const prefix = this.#newPrefix();
    this.#prefix = prefix;
    connection.subscribe(`${prefix}*`, {
      callback: (_error, message) => {
        const waiter = this.#waiters.get(message.subject.slice(prefix.length));
        if (waiter?.onReply(message)) this.remove(waiter);
      },
    });
  }

  onDown(): void {
    const lost = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of lost) {
      waiter.cancel();
      waiter.onLost();
    }
  }

  /** The subject that answers have to go to. */
  add(waiter: Waiter, timeoutMs: number): string {
    waiter.token = (++this.#lastToken).toString(36);
    waiter.replies = this;
    this.#waiters.set(waiter.token, waiter);
    this.#deadlines.add(waiter, Math.ceil(timeoutMs / TICK_MS));
    return this.#prefix + waiter.token;
  }

  /** Gives one that waits its whole time anew. */
  prolong(waiter: Waiter, timeoutMs: number): void {
    waiter.cancel();
    this.#deadlines.add(waiter, Math.ceil(timeoutMs / TICK_MS));
  }

  /** It waits no more. */
  remove(waiter: Waiter): void {
    waiter.cancel();
    this.#waiters.delete(waiter.token);
  }

  stop(): void {
    this.onDown();
    this.#deadlines.stop();
  }
}
