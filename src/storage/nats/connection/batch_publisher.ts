import type { Msg } from "@nats-io/transport-node";
import type { Clock } from "../../../env/clock.ts";
import { pause } from "../cluster/pause.ts";
import type { NewMessage, PublishOutcome } from "../jetstream.ts";
import { ANYTHING } from "./leadership.ts";
import { hasTooManyBatches, outcomeOf } from "./publish_answer.ts";
import { inFlightBytes, outcomeOfForbidden, outcomeOfThrown, type Publisher } from "./publisher.ts";
import { type Replies, Waiter } from "./replies.ts";
import { headersOf } from "./wire_headers.ts";

/** A server takes no longer batch. */
export const LIMIT_BATCH_MESSAGES = 1_000;
/** A log may have 50 open ones, of all front ends. */
const LIMIT_OPEN_BATCHES = 8;
const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 500;

/**
 * Publishes several messages of one log, all or none: JetStream's atomic batches, by hand, since the library's
 * own leave out what is expected and hide why a batch was refused.
 */
export class BatchPublisher {
  readonly #publisher: Publisher;
  readonly #replies: Replies;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #timeoutMs: number;
  readonly #waiting: (() => void)[] = [];
  #open = 0;

  constructor(
    publisher: Publisher,
    replies: Replies,
    options: { clock: Clock; random: () => number; timeoutMs: number },
  ) {
    this.#publisher = publisher;
    this.#replies = replies;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#timeoutMs = options.timeoutMs;
  }

  /** What came of them. Never rejects. */
  async publish(messages: readonly NewMessage[]): Promise<PublishOutcome> {
    const refusal = this.#refusal(messages);
    if (refusal !== undefined) return refusal;
    const [only] = messages;
    if (only !== undefined && messages.length === 1) return await this.#publisher.publish(only);
    const bytes = messages.reduce((sum, message) => sum + inFlightBytes(message), 0);
    if (this.#open >= LIMIT_OPEN_BATCHES) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#open++;
    }
    const { inFlight } = this.#publisher;
    if (!inFlight.tryEnter(bytes)) await inFlight.enter(bytes);
    try {
      return await this.#sendUntilTaken(messages);
    } finally {
      inFlight.leave(bytes);
      const next = this.#waiting.shift();
      if (next === undefined) this.#open--;
      else next();
    }
  }

  #refusal(messages: readonly NewMessage[]): PublishOutcome | undefined {
    const [first] = messages;
    if (first === undefined) return { kind: "rejected", reason: "a batch without messages" };
    if (messages.length > LIMIT_BATCH_MESSAGES) {
      const reason =
        `a batch has ${messages.length} messages, and may have ${LIMIT_BATCH_MESSAGES}`;
      return { kind: "rejected", reason };
    }
    if (messages.some(({ log }) => log !== first.log)) {
      return { kind: "rejected", reason: "a batch has messages of several logs" };
    }
    for (const message of messages) {
      const refusal = this.#publisher.refusal(message);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** Others may have all the batches that a log can have open. */
  async #sendUntilTaken(messages: readonly NewMessage[]): Promise<PublishOutcome> {
    const endMs = this.#clock.nowMs() + this.#timeoutMs;
    for (let waitMs = FIRST_WAIT_MS;; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      const outcome = await this.#send(messages);
      if (outcome !== undefined) return outcome;
      if (this.#clock.nowMs() >= endMs) {
        return { kind: "unavailable", reason: "too many batches are open" };
      }
      const delayMs = waitMs * (0.5 + this.#random() / 2);
      await pause(this.#clock, delayMs);
    }
  }

  #send(messages: readonly NewMessage[]): Promise<PublishOutcome | undefined> {
    return new Promise((resolve) => {
      const { connection, library } = this.#publisher.link;
      if (connection === undefined || connection.isClosed()) {
        return resolve({ kind: "unavailable", reason: "no server is connected" });
      }
      const id = library.nuid.next();
      const outcome = new BatchOutcome(resolve, this.#timeoutMs, this.#replies);
      const seen = new Set<string>();
      try {
        messages.forEach((message, index) => {
          const isLast = index === messages.length - 1;
          const reply = isLast
            ? outcome.replyToLast(message.subject)
            : index === 0
            ? outcome.replyToFirst(message.subject)
            : "";
          const part = seen.has(message.subject)
            ? { ...message, expectedSequence: ANYTHING }
            : message;
          seen.add(message.subject);
          this.#publisher.hand(connection, part, reply, batchHeaders(id, index + 1, isLast));
        });
      } catch (error) {
        // Without its last message a batch comes to nothing.
        outcome.end(outcomeOfThrown(error, connection.isClosed()));
      }
    });
  }
}

function batchHeaders(id: string, sequence: number, isLast: boolean): string {
  const text = `Nats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${sequence}\r\n`;
  return isLast ? `${text}Nats-Batch-Commit: 1\r\n` : text;
}

/** The first message is answered where it was refused, the last one always. */
class BatchOutcome {
  readonly #resolve: (outcome: PublishOutcome | undefined) => void;
  readonly #timeoutMs: number;
  readonly #replies: Replies;
  readonly #waiters: Waiter[] = [];

  constructor(
    resolve: (outcome: PublishOutcome | undefined) => void,
    timeoutMs: number,
    replies: Replies,
  ) {
    this.#resolve = resolve;
    this.#timeoutMs = timeoutMs;
    this.#replies = replies;
  }

  replyToFirst(subject: string): string {
    return this.#wait(subject, (message) => {
      // An empty answer: it is taken.
      if (message.data.length > 0 || headersOf(message) !== undefined) this.#endWith(message);
    });
  }

  replyToLast(subject: string): string {
    return this.#wait(subject, (message) => this.#endWith(message));
  }

  end(outcome: PublishOutcome | undefined): void {
    for (const waiter of this.#waiters) this.#replies.remove(waiter);
    this.#resolve(outcome);
  }

  #endWith(message: Msg): void {
    this.end(hasTooManyBatches(message) ? undefined : outcomeOf(message));
  }

  #wait(subject: string, onReply: (message: Msg) => void): string {
    const waiter = new BatchWaiter(this, onReply);
    this.#waiters.push(waiter);
    return this.#replies.add(waiter, subject, this.#timeoutMs);
  }
}

class BatchWaiter extends Waiter {
  readonly #outcome: BatchOutcome;
  readonly #onReply: (message: Msg) => void;

  constructor(outcome: BatchOutcome, onReply: (message: Msg) => void) {
    super();
    this.#outcome = outcome;
    this.#onReply = onReply;
  }

  override get owner(): object {
    return this.#outcome;
  }

  override onReply(message: Msg): boolean {
    this.#onReply(message);
    return true;
  }

  override onTimeout(): void {
    this.#outcome.end({ kind: "unknown", reason: "no answer in time" });
  }

  override onLost(reason: string): void {
    this.#outcome.end({ kind: "unknown", reason });
  }

  override onForbidden(reason: string, isSure: boolean): void {
    this.#outcome.end(outcomeOfForbidden(reason, isSure));
  }
}
