import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { getLogger } from "@logtape/logtape";
import type { Bytes } from "../../../protocol/bytes.ts";
import { JetStreamError } from "../jetstream.ts";
import type { Link, LinkListener } from "./link.ts";
import { type Replies, Waiter } from "./replies.ts";
import { statusOf } from "./requests.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Questions between front ends, which no server stores. */
export class Calls implements LinkListener {
  readonly #link: Link;
  readonly #replies: Replies;
  readonly #served = new Map<string, (payload: Bytes) => Promise<Bytes>>();
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(link: Link, replies: Replies) {
    this.#link = link;
    this.#replies = replies;
  }

  onUp(connection: NatsConnection): void {
    for (const subject of this.#served.keys()) this.#subscribe(connection, subject);
  }

  onDown(): void {
    this.#subscriptions.clear();
  }

  /** As `JetStream.call`. */
  call(subject: string, payload: Bytes, timeoutMs: number): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      const { connection } = this.#link;
      if (connection === undefined) {
        return reject(new JetStreamError("unavailable", `${subject}: no server is connected`));
      }
      const waiter = new Call(subject, resolve, reject);
      const reply = this.#replies.add(waiter, subject, timeoutMs);
      try {
        connection.publish(subject, payload, { reply });
      } catch (error) {
        this.#replies.remove(waiter);
        const reason = error instanceof Error ? error.message : String(error);
        reject(new JetStreamError("unavailable", `${subject}: ${reason}`));
      }
    });
  }

  /** As `JetStream.serve`. */
  serve(subject: string, handler: (payload: Bytes) => Promise<Bytes>): () => void {
    this.#served.set(subject, handler);
    const { connection } = this.#link;
    if (connection !== undefined) this.#subscribe(connection, subject);
    return () => {
      if (this.#served.get(subject) !== handler) return;
      this.#served.delete(subject);
      const subscription = this.#subscriptions.get(subject);
      this.#subscriptions.delete(subject);
      if (subscription?.isClosed() === false) subscription.unsubscribe();
    };
  }

  #subscribe(connection: NatsConnection, subject: string): void {
    const callback = (error: Error | null, message: Msg) => {
      if (error === null) void this.#answer(connection, subject, message);
    };
    this.#subscriptions.set(subject, connection.subscribe(subject, { callback }));
  }

  async #answer(connection: NatsConnection, subject: string, message: Msg): Promise<void> {
    try {
      const answer = await this.#served.get(subject)?.(new Uint8Array(message.data));
      if (answer === undefined || message.reply === undefined || connection.isClosed()) return;
      connection.publish(message.reply, answer);
    } catch (error) {
      // Who asked hears nothing, and takes it for lost.
      logger.debug("A call of {subject} isn't answered: {error}", { subject, error });
    }
  }
}

class Call extends Waiter {
  readonly #subject: string;
  readonly #resolve: (answer: Bytes) => void;
  readonly #reject: (error: JetStreamError) => void;

  constructor(
    subject: string,
    resolve: (answer: Bytes) => void,
    reject: (error: JetStreamError) => void,
  ) {
    super();
    this.#subject = subject;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override onReply(message: Msg): boolean {
    if (statusOf(message) === 503) {
      this.#reject(new JetStreamError("unserved", `${this.#subject}: nobody listens there`));
    } else {
      this.#resolve(new Uint8Array(message.data));
    }
    return true;
  }

  override onTimeout(): void {
    this.#reject(new JetStreamError("unavailable", `${this.#subject}: no answer in time`));
  }

  override onLost(reason: string): void {
    this.#reject(new JetStreamError("unavailable", `${this.#subject}: ${reason}`));
  }

  override onForbidden(reason: string, isSure: boolean): void {
    // Another call to the same subject may be meant: it ends by its time-out.
    if (isSure) this.#reject(new JetStreamError("unavailable", `${this.#subject}: ${reason}`));
  }
}
