import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { getLogger } from "@logtape/logtape";
import { type Bytes, NO_BYTES } from "../../../protocol/bytes.ts";
import type { LinkListener } from "./link.ts";
import type { Requests } from "./requests.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

const QUEUE = "front-end";

/** Who answers requests to one subject. */
interface Served {
  readonly handler: (payload: Bytes) => Promise<Bytes>;
  /** One for each connection, of which there are two while one moves to another server. */
  subscriptions: Subscription[];
}

/** Questions between front ends, which no server stores. */
export class Calls implements LinkListener {
  readonly #requests: Requests;
  readonly #served = new Map<string, Served>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  onUp(connection: NatsConnection): void {
    for (const [subject, served] of this.#served) this.#subscribe(connection, subject, served);
  }

  onDown(): void {}

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
    const served: Served = { handler, subscriptions: [] };
    this.#served.set(subject, served);
    const { connection } = this.#requests.link;
    if (connection !== undefined) this.#subscribe(connection, subject, served);
    return () => {
      if (this.#served.get(subject) === served) this.#served.delete(subject);
      for (const subscription of served.subscriptions) {
        if (!subscription.isClosed()) subscription.unsubscribe();
      }
    };
  }

  #subscribe(connection: NatsConnection, subject: string, served: Served): void {
    const callback = (error: Error | null, message: Msg) => {
      if (error === null) void this.#answer(connection, subject, served, message);
    };
    // A queue's members share what comes: with two connections each request is served once.
    const subscription = connection.subscribe(subject, { queue: QUEUE, callback });
    const open = served.subscriptions.filter((other) => !other.isClosed());
    served.subscriptions = [...open, subscription];
  }

  async #answer(
    connection: NatsConnection,
    subject: string,
    { handler }: Served,
    message: Msg,
  ): Promise<void> {
    try {
      const answer = await handler(new Uint8Array(message.data));
      if (message.reply === undefined || connection.isClosed()) return;
      connection.publish(message.reply, answer);
    } catch (error) {
      // Who asked hears nothing, and takes it for lost.
      logger.debug("A call of {subject} isn't answered: {error}", { subject, error });
    }
  }
}
