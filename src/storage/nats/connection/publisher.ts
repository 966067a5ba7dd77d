import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { type Bytes, NO_BYTES } from "../../../protocol/bytes.ts";
import type { NewMessage, PublishOutcome } from "../jetstream.ts";
import { InFlightLimit } from "./in_flight_limit.ts";
import type { Link } from "./link.ts";
import { outcomeOf } from "./publish_answer.ts";
import { type Replies, Waiter } from "./replies.ts";

/** What is left of a message's bytes for its headers. */
export const HEADER_BYTES = 4 * 1024;
const DEFAULT_LIMIT_BYTES = 1024 * 1024 - HEADER_BYTES;
/** No log ever gets as far, so that what expects it is refused and tells how far the subject is. */
const NEVER_REACHED = Number.MAX_SAFE_INTEGER;

const NOT_CONNECTED: PublishOutcome = { kind: "unavailable", reason: "no server is connected" };

/** Publishes, and finds out what came of it. */
export class Publisher {
  readonly link: Link;
  readonly inFlight: InFlightLimit;
  readonly #replies: Replies;
  readonly #timeoutMs: number;
  #limitBytes = DEFAULT_LIMIT_BYTES;

  constructor(link: Link, replies: Replies, timeoutMs: number, limitInFlightBytes: number) {
    this.link = link;
    this.inFlight = new InFlightLimit(limitInFlightBytes);
    this.#replies = replies;
    this.#timeoutMs = timeoutMs;
  }

  /** How many bytes a message may have, its headers not counted. */
  get messageLimitBytes(): number {
    const payload = this.link.connection?.info?.max_payload;
    if (payload !== undefined) this.#limitBytes = Math.max(0, payload - HEADER_BYTES);
    return this.#limitBytes;
  }

  /** The outcome of one message. Never rejects. */
  async publish(message: NewMessage): Promise<PublishOutcome> {
    const tooLarge = this.tooLarge(message);
    if (tooLarge !== undefined) return tooLarge;
    const bytes = message.payload.length;
    if (!this.inFlight.tryEnter(bytes)) await this.inFlight.enter(bytes);
    try {
      const outcome = await this.send(message.subject, message.payload, this.headersOf(message));
      return outcome ?? { kind: "unavailable", reason: "too many batches are open" };
    } finally {
      this.inFlight.leave(bytes);
    }
  }

  /**
   * What is refused, so that the server tells the sequence of the subject's newest message: undefined where it
   * doesn't, since something is on its way.
   */
  probe(subject: string): Promise<PublishOutcome | undefined> {
    const headers = this.link.library.headers();
    headers.append("Nats-Expected-Last-Subject-Sequence", `${NEVER_REACHED}`);
    return this.send(subject, NO_BYTES, headers);
  }

  /** Why a message can't be sent at all. */
  tooLarge({ payload }: NewMessage): PublishOutcome | undefined {
    const limit = this.messageLimitBytes;
    if (payload.length <= limit) return undefined;
    const reason = `a message has ${payload.length} bytes, and may have ${limit}`;
    return { kind: "rejected", reason };
  }

  /** The headers of a message, with what is expected of its subject. */
  headersOf(message: NewMessage, isExpecting = true): MsgHdrs {
    const headers = this.link.library.headers();
    if (isExpecting) {
      headers.append("Nats-Expected-Last-Subject-Sequence", `${message.expectedSequence}`);
    }
    if (message.rollup === true) headers.append("Nats-Rollup", "sub");
    if (message.ttlSeconds !== undefined) headers.append("Nats-TTL", `${message.ttlSeconds}s`);
    for (const name in message.headers) headers.append(name, message.headers[name] ?? "");
    return headers;
  }

  /** Hands a message to the client, if that has a connection; undefined: too many batches are open. */
  send(subject: string, payload: Bytes, headers: MsgHdrs): Promise<PublishOutcome | undefined> {
    return new Promise((resolve) => {
      const { connection } = this.link;
      // What the client gets without a connection it drops without a word.
      if (connection === undefined || connection.isDraining()) return resolve(NOT_CONNECTED);
      const waiter = new OutcomeWaiter(resolve, this.#timeoutMs);
      const reply = this.#replies.add(waiter, this.#timeoutMs);
      try {
        connection.publish(subject, payload, { reply, headers });
      } catch (error) {
        this.#replies.remove(waiter);
        resolve(outcomeOfThrown(error, connection.isClosed()));
      }
    });
  }
}

/** Waits for what the leader answers to a publish. */
class OutcomeWaiter extends Waiter {
  readonly #resolve: (outcome: PublishOutcome | undefined) => void;
  readonly #timeoutMs: number;

  constructor(resolve: (outcome: PublishOutcome | undefined) => void, timeoutMs: number) {
    super();
    this.#resolve = resolve;
    this.#timeoutMs = timeoutMs;
  }

  override onReply(message: Msg): boolean {
    this.#resolve(outcomeOf(message));
    return true;
  }

  override onTimeout(): void {
    this.#resolve({ kind: "unknown", reason: `no answer within ${this.#timeoutMs} ms` });
  }

  override onLost(): void {
    this.#resolve({ kind: "unknown", reason: "the connection has ended before the answer" });
  }
}

/** The client throws before it has sent anything. */
export function outcomeOfThrown(error: unknown, isClosed: boolean): PublishOutcome {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: isClosed ? "unavailable" : "rejected", reason };
}
