import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { getLogger } from "@logtape/logtape";
import { type Bytes, NO_BYTES } from "../../../protocol/bytes.ts";
import type { LinkListener } from "./link.ts";
import type { Requests } from "./requests.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** Questions between front ends, which no server stores. */
export class Calls implements LinkListener {
  readonly #requests: Requests;
  readonly #served = new Map<string, (payload: Bytes) => Promise<Bytes>>();
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  onUp(connection: NatsConnection): void {
    for (const subject of this.#served.keys()) this.#subscribe(connection, subject);
  }

  onDown(): void {
    this.#subscriptions.clear();
  }

  /** As `JetStream.call`. */
  async call(subject: string, payload: Bytes, timeoutMs: number): Promise<Bytes> {
    let answer: Bytes = NO_BYTES;
    const onReply = (message: Msg) => {
      answer = new Uint8Array(message.data);
      return true;
    };
    await this.#requests.many(subject, payload, onReply, timeoutMs, "unserved");
    return answer;
  }

  /** As `JetStream.serve`. */
  serve(subject: string, handler: (payload: Bytes) => Promise<Bytes>): () => void {
    this.#served.set(subject, handler);
    const { connection } = this.#requests.link;
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
