import { getLogger } from "@logtape/logtape";
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import type { Clock } from "../../../env/clock.ts";
import { encodeUtf8 } from "../../../protocol/bytes.ts";
import {
  type Follower,
  type FollowRequest,
  JetStreamError,
  type StoredMessage,
} from "../jetstream.ts";
import { deliveryOf } from "./delivery.ts";
import { isConfirmation } from "./log_config.ts";
import type { Reads } from "./reads.ts";
import { type Requests, statusOf } from "./requests.ts";
import { headersOf, ownHeaders } from "./wire_headers.ts";

const logger = getLogger(["durable-streams", "storage", "nats"]);

/** What a server sends ahead of what has been handled. It cuts the connection past 64 MB. */
const LIMIT_AHEAD_MESSAGES = 500;
const LIMIT_AHEAD_BYTES = 2 * 1024 * 1024;
/** How long a server keeps an unanswered request for messages, and how often it says meanwhile that it has it. */
const PULL_MS = 30_000;
const HEARTBEAT_MS = 2_000;
/** With nothing heard for so long, the consumer or its server is gone. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
/** How long a server keeps a consumer that nobody asks. */
const CONSUMER_MS = 60_000;
/** Who is asked for a consumer may choose a server that is gone: nothing is lost by asking again. */
const CREATION_MS = 2_000;
const BETWEEN_ATTEMPTS_MS = 250;
/** How often a follower that hasn't got there yet is compared with the leader again. */
const BETWEEN_COMPARISONS_MS = 100;
/** So long may who has to be caught up get nothing that is there. */
const STALL_MS = 30_000;
const NS_PER_MS = 1_000_000;

/** What a follower needs of the connection. */
export interface FollowContext {
  readonly requests: Requests;
  readonly reads: Reads;
  readonly clock: Clock;
  /** Resolves when there is a connection, or there won't be any more. */
  readonly connected: () => Promise<NatsConnection | undefined>;
}

/**
 * Follows a log by pull consumers, one after the other: each lasts until nothing is heard of it, or something
 * is missing in what it sends, and the next begins behind what has been handled. Messages are asked for in
 * bounded batches, the next one when the last has been handled.
 */
export class ConsumerFollower implements Follower {
  readonly #context: FollowContext;
  readonly #request: FollowRequest;
  readonly #onMessage: (message: StoredMessage) => Promise<void> | void;
  readonly #waiting = new Set<{ sequence: number; resolve: () => void }>();
  #handledSequence: number;
  /** Of what was there at first, each subject's newest has come: now all that comes counts. */
  #isPastFirst: boolean;
  #isStopped = false;
  /** Waits for what its consumer sends. */
  #isListening = false;
  #isHandling = false;
  #isGivenUp = false;
  /** What a message's handling failed with. */
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(
    context: FollowContext,
    request: FollowRequest,
    onMessage: (message: StoredMessage) => Promise<void> | void,
  ) {
    this.#context = context;
    this.#request = request;
    this.#onMessage = onMessage;
    this.#handledSequence = Math.max(0, request.fromSequence - 1);
    this.#isPastFirst = request.isLastOfEach !== true;
    void this.#run();
  }

  /**
   * @throws {JetStreamError} `unavailable` where who leads the log doesn't answer, nothing comes for long, or it
   * was stopped
   * @throws what a message's handling failed with
   */
  async caughtUp(): Promise<void> {
    const { reads } = this.#context;
    const { log, subject = ">" } = this.#request;
    let handled = this.#handledSequence;
    let waitedMs = 0;
    while (!this.#isStopped) {
      const newest = await reads.lastMessage(log, subject);
      if (newest === undefined || newest.sequence <= this.#handledSequence) return;
      waitedMs += BETWEEN_COMPARISONS_MS;
      if (this.#isHandling || this.#handledSequence !== handled) waitedMs = 0;
      handled = this.#handledSequence;
      if (waitedMs >= STALL_MS) {
        throw new JetStreamError("unavailable", `${log}: what is there doesn't come`);
      }
      if (waitedMs > 0 && waitedMs % SILENCE_MS === 0) this.#giveUpConsumer();
      // Asked again after a while: the newest one may be removed before it is handled.
      await this.#handledUpTo(newest.sequence, BETWEEN_COMPARISONS_MS);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    // What is there may have come in part only.
    throw new JetStreamError("unavailable", `${log}: it isn't followed any more`);
  }

  /** One that is being handled isn't waited for: who stops may be its handler. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    for (const { resolve } of this.#waiting) resolve();
    return Promise.resolve();
  }

  /** The same message would fail again, and one that is left out would be missing without a word. */
  #fail(error: unknown, sequence: number): void {
    const { log } = this.#request;
    logger.error("Message {sequence} of {log} can't be handled: {error}", { sequence, log, error });
    this.#failure = { error };
    void this.stop();
  }

  /** Its replica doesn't get what the leader has: the next one may be on another. */
  #giveUpConsumer(): void {
    if (!this.#isListening) return;
    this.#isGivenUp = true;
    this.#wake();
  }

  #handledUpTo(sequence: number, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const entry = {
        sequence,
        resolve: () => {
          cancel();
          this.#waiting.delete(entry);
          resolve();
        },
      };
      const cancel = this.#context.clock.setTimer(limitMs, entry.resolve);
      this.#waiting.add(entry);
    });
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const connection = await this.#context.connected();
      if (connection === undefined || this.#isStopped) return;
      try {
        await this.#consume(connection);
      } catch {
        // No leader, no connection, no consumer: the next attempt goes on where this one ended.
      }
      if (!this.#isStopped) await this.#pause(BETWEEN_ATTEMPTS_MS);
    }
  }

  async #consume(connection: NatsConnection): Promise<void> {
    const { requests } = this.#context;
    const { log } = this.#request;
    const name = requests.link.library.nuid.next();
    const inbox = new MessageInbox(
      connection,
      requests.link.newInbox(),
      () => this.#wake(),
    );
    try {
      const limitMs = Math.min(requests.timeoutMs, CREATION_MS);
      await requests.api(`CONSUMER.CREATE.${log}.${name}`, this.#consumerOf(name), limitMs);
      await this.#pull(connection, inbox, name);
    } finally {
      inbox.close();
      if (!connection.isClosed()) connection.publish(`$JS.API.CONSUMER.DELETE.${log}.${name}`);
    }
  }

  #consumerOf(name: string): Record<string, unknown> {
    const { log, subject, headersOnly = false } = this.#request;
    return {
      stream_name: log,
      action: "create",
      config: {
        name,
        ...(this.#isPastFirst
          ? { deliver_policy: "by_start_sequence", opt_start_seq: this.#handledSequence + 1 }
          : { deliver_policy: "last_per_subject" }),
        filter_subject: subject ?? ">",
        ack_policy: "none",
        replay_policy: "instant",
        inactive_threshold: CONSUMER_MS * NS_PER_MS,
        num_replicas: 1,
        mem_storage: true,
        headers_only: headersOnly,
      },
    };
  }

  /** Returns when the consumer is of no more use. */
  async #pull(connection: NatsConnection, inbox: MessageInbox, name: string): Promise<void> {
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#request.log}.${name}`;
    const most = Math.max(LIMIT_AHEAD_BYTES, 2 * (connection.info?.max_payload ?? 0));
    const body = encodeUtf8(JSON.stringify({
      batch: LIMIT_AHEAD_MESSAGES,
      max_bytes: most,
      expires: PULL_MS * NS_PER_MS,
      idle_heartbeat: HEARTBEAT_MS * NS_PER_MS,
    }));
    let delivered = 0;
    while (!this.#isStopped && !connection.isClosed()) {
      connection.publish(subject, body, { reply: inbox.subject });
      let left = LIMIT_AHEAD_MESSAGES;
      while (left > 0) {
        const message = inbox.take();
        if (message === undefined) {
          if (!await this.#heard(inbox)) return;
          continue;
        }
        if (message.subject === inbox.subject) {
          const status = statusOf(message);
          if (isEndOfConsumer(status, message)) return;
          if (status !== HEARTBEAT) break;
          continue;
        }
        const delivery = deliveryOf(message.reply ?? "");
        if (delivery === undefined || delivery.consumerSequence !== delivered + 1) return;
        delivered++;
        left--;
        await this.#handle(message, delivery.sequence, delivery.atMs);
        if (delivery.pending === 0) this.#isPastFirst = true;
        if (this.#isStopped) return;
      }
    }
  }

  async #handle(message: Msg, sequence: number, atMs: number): Promise<void> {
    // Of each subject's newest ones those that had come before are sent again.
    if (sequence > this.#handledSequence && !isConfirmation(message.subject)) {
      this.#isHandling = true;
      try {
        await this.#onMessage({
          subject: message.subject,
          sequence,
          atMs,
          payload: new Uint8Array(message.data),
          headers: ownHeaders(headersOf(message)),
        });
      } catch (error) {
        return this.#fail(error, sequence);
      } finally {
        this.#isHandling = false;
      }
    }
    this.#handledSequence = Math.max(this.#handledSequence, sequence);
    for (const waiting of [...this.#waiting]) {
      if (waiting.sequence <= sequence) waiting.resolve();
    }
  }

  /** Whether something came before the silence was too long. */
  async #heard(inbox: MessageInbox): Promise<boolean> {
    this.#isListening = true;
    await this.#pause(SILENCE_MS, () => inbox.hasMessages || inbox.isClosed);
    this.#isListening = false;
    if (!this.#isGivenUp) return !this.#isStopped && inbox.hasMessages;
    this.#isGivenUp = false;
    return false;
  }

  #pause(limitMs: number, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve) => {
      if (isOver() || this.#isStopped) return resolve();
      const cancel = this.#context.clock.setTimer(limitMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

const HEARTBEAT = 100;

/** What a server says to a request for messages ends that alone (404, 408, limits), or all of it. */
function isEndOfConsumer(status: number, message: Msg): boolean {
  if (status === 503 || status === 400) return true;
  return status === 409 &&
    /consumer|leadership|shutdown/i.test(headersOf(message)?.description ?? "");
}

/** Where a consumer's messages come in; who handles them is woken. */
class MessageInbox {
  readonly subject: string;
  readonly #subscription: Subscription;
  #messages: Msg[] = [];
  #next = 0;

  constructor(connection: NatsConnection, subject: string, onMessage: () => void) {
    this.subject = subject;
    this.#subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) this.#messages.push(message);
        onMessage();
      },
    });
    void connection.closed().then(onMessage);
  }

  get hasMessages(): boolean {
    return this.#next < this.#messages.length;
  }

  get isClosed(): boolean {
    return this.#subscription.isClosed();
  }

  take(): Msg | undefined {
    const message = this.#messages[this.#next];
    if (message === undefined) {
      this.#messages = [];
      this.#next = 0;
    } else {
      this.#next++;
    }
    return message;
  }

  close(): void {
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe();
  }
}
