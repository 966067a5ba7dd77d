import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../../env/clock.ts";
import { Deadline, DeadlineQueue } from "../../../env/deadline_queue.ts";
import type { LinkListener } from "./link.ts";

/** Somebody who waits for an answer, or several. */
export abstract class Waiter extends Deadline {
  /** For the replies alone. */
  token = 0;
  replies: Replies | undefined;
  connection: NatsConnection | undefined;
  /** What it has published to, where a server may forbid that. */
  subject = "";

  /** An answer has come; true where it was the last. */
  abstract onReply(message: Msg): boolean;
  /** No answer came in time. */
  abstract onTimeout(): void;
  /** There will be no answer any more: the connection has ended, or may not have any. */
  abstract onLost(reason: string): void;
  /** A server has forbidden to publish there: this one or, unless that is sure, another to the same subject. */
  abstract onForbidden(reason: string, isSure: boolean): void;

  /** What ends as one with others. */
  get owner(): object {
    return this;
  }

  override expire(): void {
    this.replies?.remove(this);
    this.onTimeout();
  }
}

const TICK_MS = 50;
const CONNECTION_ENDED = "the connection has ended before the answer";

/**
 * All answers of a connection: one subscription, and a token for each who waits. The library's own way, which
 * settles a promise and a timer of its own for each, costs twice to four times the CPU time a publish.
 */
export class Replies implements LinkListener {
  readonly #deadlines: DeadlineQueue;
  readonly #newPrefix: () => string;
  readonly #waiters = new Map<number, Waiter>();
  #prefix = "";
  #connection: NatsConnection | undefined;
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
    this.#connection = connection;
    connection.subscribe(`${prefix}*`, {
      callback: (error, message) => {
        // Where it is forbidden to listen there the message has nothing in it.
        if (error !== null) return this.#lose(connection, error.message);
        const waiter = this.#waiters.get(tokenOf(message, prefix));
        if (waiter?.onReply(message)) this.remove(waiter);
      },
    });
  }

  onDown(connection: NatsConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
    this.#lose(connection, CONNECTION_ENDED);
  }

  /** Waiters for what is sent to that subject end at once; which one it was isn't said. */
  onForbidden(subject: string, reason: string): void {
    const waiters = [...this.#waiters.values()].filter((waiter) => waiter.subject === subject);
    const isSure = new Set(waiters.map(({ owner }) => owner)).size === 1;
    for (const waiter of waiters) {
      this.remove(waiter);
      waiter.onForbidden(reason, isSure);
    }
  }

  /** @param connection whose waiters; all where it is left out */
  #lose(connection: NatsConnection | undefined, reason: string): void {
    const isLost = (waiter: Waiter) => connection === undefined || waiter.connection === connection;
    const lost = [...this.#waiters.values()].filter(isLost);
    for (const waiter of lost) this.remove(waiter);
    for (const waiter of lost) waiter.onLost(reason);
  }

  /** The subject that answers have to go to. */
  add(waiter: Waiter, subject: string, timeoutMs: number): string {
    waiter.token = ++this.#lastToken;
    waiter.replies = this;
    waiter.connection = this.#connection;
    waiter.subject = subject;
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
    this.#lose(undefined, CONNECTION_ENDED);
    this.#deadlines.stop();
  }
}

const DIGIT_0 = 48;

/** The number at the end of a subject. Its bytes are read as they came where the library shows them. */
function tokenOf(message: Msg, prefix: string): number {
  if (!("_msg" in message) || !isWithSubject(message._msg)) {
    return Number(message.subject.slice(prefix.length));
  }
  const { subject } = message._msg;
  let token = 0;
  for (let i = prefix.length; i < subject.length; i++) {
    token = token * 10 + (subject[i] ?? 0) - DIGIT_0;
  }
  return token;
}

function isWithSubject(value: unknown): value is { readonly subject: Uint8Array } {
  return typeof value === "object" && value !== null && "subject" in value &&
    value.subject instanceof Uint8Array;
}
