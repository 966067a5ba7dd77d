import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { NO_BYTES } from "../../../protocol/bytes.ts";
import type { NewMessage, PublishOutcome } from "../jetstream.ts";
import type { Clock } from "../../../env/clock.ts";
import { InFlightLimit } from "./in_flight_limit.ts";
import { ANYTHING, Leadership } from "./leadership.ts";
import type { Link } from "./link.ts";
import { outcomeOf } from "./publish_answer.ts";
import { type Replies, Waiter } from "./replies.ts";
import { Wire } from "./wire.ts";
import { unsuitableHeader } from "./wire_headers.ts";

/** What is left of a message's bytes for its headers. */
export const HEADER_BYTES = 4 * 1024;
const DEFAULT_LIMIT_BYTES = 1024 * 1024 - HEADER_BYTES;
/** No log ever gets as far, so that what expects it is refused and tells how far the subject is. */
const NEVER_REACHED = Number.MAX_SAFE_INTEGER;

/** Nothing is lost with one that wasn't stored, and by then there may be another leader to ask. */
const CONFIRMATION_MS = 2_000;

const NOT_CONNECTED: PublishOutcome = { kind: "unavailable", reason: "no server is connected" };

/** Publishes, and finds out what came of it. */
export class Publisher {
  readonly link: Link;
  readonly inFlight: InFlightLimit;
  readonly leadership: Leadership;
  readonly #replies: Replies;
  readonly #timeoutMs: number;
  #wire: { readonly connection: NatsConnection; readonly wire: Wire } | undefined;
  #limitBytes = DEFAULT_LIMIT_BYTES;

  constructor(
    link: Link,
    replies: Replies,
    options: { clock: Clock; timeoutMs: number; limitInFlightBytes: number },
  ) {
    const { clock, timeoutMs, limitInFlightBytes } = options;
    this.link = link;
    this.inFlight = new InFlightLimit(limitInFlightBytes);
    this.leadership = new Leadership(clock, (message) => {
      return this.#send(message, 0, Math.min(timeoutMs, CONFIRMATION_MS));
    });
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
  publish(message: NewMessage): Promise<PublishOutcome> {
    const refusal = this.refusal(message);
    if (refusal !== undefined) return Promise.resolve(refusal);
    const bytes = inFlightBytes(message);
    if (this.inFlight.tryEnter(bytes)) return this.#send(message, bytes);
    return this.inFlight.enter(bytes).then(() => this.#send(message, bytes));
  }

  /**
   * What has to be refused, so that the server tells the sequence of the subject's newest message; it doesn't
   * while something of that subject is on its way.
   */
  probe(subject: string): Promise<PublishOutcome> {
    return this.#send({
      log: "",
      subject,
      payload: NO_BYTES,
      expectedSequence: NEVER_REACHED,
    }, 0);
  }

  /** Why a message can't be sent at all. */
  refusal({ payload, headers }: NewMessage): PublishOutcome | undefined {
    const limit = this.messageLimitBytes;
    if (payload.length > limit) {
      const reason = `a message has ${payload.length} bytes, and may have ${limit}`;
      return { kind: "rejected", reason };
    }
    const reason = headers === undefined ? undefined : unsuitableHeader(headers);
    return reason === undefined ? undefined : { kind: "rejected", reason };
  }

  /**
   * Hands a message to a connection.
   *
   * @throws {Error} where that can't be; nothing is sent then
   */
  hand(connection: NatsConnection, message: NewMessage, reply: string, more = ""): void {
    const headers = headerText(message, more);
    if (headers.length > HEADER_BYTES) {
      throw new RangeError(
        `a message has headers of ${headers.length} bytes, and may have ${HEADER_BYTES}`,
      );
    }
    this.#wireOf(connection).publish(message.subject, reply, headers, message.payload);
  }

  #wireOf(connection: NatsConnection): Wire {
    if (this.#wire?.connection === connection) return this.#wire.wire;
    const wire = new Wire(this.link.library, connection);
    this.#wire = { connection, wire };
    return wire;
  }

  /** @param bytes what it has of those in flight */
  #send(
    message: NewMessage,
    bytes: number,
    timeoutMs = this.#timeoutMs,
  ): Promise<PublishOutcome> {
    return new Promise((resolve) => {
      const { connection } = this.link;
      const sentAt = this.leadership.now();
      const waiter = new OutcomeWaiter(timeoutMs, (outcome) => {
        this.inFlight.leave(bytes);
        if (outcome.kind === "stored") this.leadership.proveBy(message.log, sentAt);
        resolve(outcome);
      });
      // What the client gets without a connection it drops without a word.
      if (connection === undefined || connection.isClosed()) return waiter.end(NOT_CONNECTED);
      const reply = this.#replies.add(waiter, message.subject, timeoutMs);
      try {
        this.hand(connection, message, reply);
      } catch (error) {
        this.#replies.remove(waiter);
        waiter.end(outcomeOfThrown(error, connection.isClosed()));
      }
    });
  }
}

/**
 * What a message has of the bytes in flight: with room for its headers, so that the smallest ones are bounded, too.
 * A server drops what waits for one log past 10,000 messages.
 */
export function inFlightBytes({ payload }: NewMessage): number {
  return payload.length + HEADER_BYTES;
}

/** Waits for what the leader answers to a publish. */
class OutcomeWaiter extends Waiter {
  readonly end: (outcome: PublishOutcome) => void;
  readonly #timeoutMs: number;

  constructor(timeoutMs: number, end: (outcome: PublishOutcome) => void) {
    super();
    this.#timeoutMs = timeoutMs;
    this.end = end;
  }

  override onReply(message: Msg): boolean {
    this.end(outcomeOf(message));
    return true;
  }

  override onTimeout(): void {
    this.end({ kind: "unknown", reason: `no answer within ${this.#timeoutMs} ms` });
  }

  override onLost(reason: string): void {
    this.end({ kind: "unknown", reason });
  }

  override onForbidden(reason: string, isSure: boolean): void {
    this.end(outcomeOfForbidden(reason, isSure));
  }
}

/** What was refused for who asks; where it may have been another message, this one may be stored. */
export function outcomeOfForbidden(reason: string, isSure: boolean): PublishOutcome {
  return isSure ? { kind: "rejected", reason } : { kind: "unknown", reason };
}

/** What is said of the message to the server, and what its reader finds beside it. */
function headerText(message: NewMessage, more: string): string {
  const { expectedSequence, rollup, ttlSeconds, headers } = message;
  let text = "NATS/1.0\r\n";
  if (expectedSequence !== ANYTHING) {
    text += `Nats-Expected-Last-Subject-Sequence: ${expectedSequence}\r\n`;
  }
  if (rollup === true) text += "Nats-Rollup: sub\r\n";
  if (ttlSeconds !== undefined) text += `Nats-TTL: ${ttlSeconds}s\r\n`;
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
  return `${text}${more}\r\n`;
}

/** What throws does so before anything is sent. */
export function outcomeOfThrown(error: unknown, isClosed: boolean): PublishOutcome {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: isClosed ? "unavailable" : "rejected", reason };
}
