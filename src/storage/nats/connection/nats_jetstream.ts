import type { NatsConnection } from "@nats-io/transport-node";
import { type Clock, systemClock } from "../../../env/clock.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import {
  type Follower,
  type FollowRequest,
  type JetStream,
  JetStreamError,
  type LogConfig,
  type MessagesQuery,
  type NewMessage,
  type PublishOutcome,
  type StoredMessage,
  type StoredNotice,
  type SyncSetting,
} from "../jetstream.ts";
import { ApiError, ApiErrorCode } from "./api_error.ts";
import { BatchPublisher } from "./batch_publisher.ts";
import { ConsumerFollower } from "./follow.ts";
import { Link } from "./link.ts";
import { Calls } from "./calls.ts";
import { endOfLog, ensureLog, purgeSubject } from "./logs.ts";
import type { NatsOptions } from "./options.ts";
import { Publisher } from "./publisher.ts";
import { Reads } from "./reads.ts";
import { Replies } from "./replies.ts";
import { Requests } from "./requests.ts";
import { readSyncSetting } from "./sync_setting.ts";
import { Watches } from "./watches.ts";

const TIMEOUT_MS = 5_000;
const LIMIT_IN_FLIGHT_BYTES = 32 * 1024 * 1024;

/**
 * Connects to a cluster, and looks whether it has JetStream.
 *
 * @throws {JetStreamError} `unavailable` where no server could be reached in time; `unsuitable` where one is
 * older than 2.15, has no JetStream for who asks, or refuses who asks
 * @throws {RangeError} where an option is wrong; the message shows no secrets
 */
export async function connectJetStream(options: NatsOptions): Promise<JetStream> {
  const connection = new NatsJetStream(await Link.open(options), options);
  try {
    await connection.checkAccount();
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** JetStream by the client library's connection, and requests and answers of our own over it. */
class NatsJetStream implements JetStream {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #monitorUrls: readonly string[];
  readonly #replies: Replies;
  readonly #requests: Requests;
  readonly #publisher: Publisher;
  readonly #batches: BatchPublisher;
  readonly #reads: Reads;
  readonly #watches: Watches;
  readonly #calls: Calls;
  readonly #followers = new Set<Follower>();
  readonly #awaitingConnection = new Set<(connection: NatsConnection | undefined) => void>();
  #isClosed = false;

  constructor(link: Link, options: NatsOptions) {
    const { clock = systemClock, random = Math.random, timeoutMs = TIMEOUT_MS } = options;
    const inbox = () => `${link.newInbox()}.`;
    this.#link = link;
    this.#clock = clock;
    this.#monitorUrls = options.monitorUrls ?? [];
    this.#replies = new Replies(clock, inbox);
    this.#requests = new Requests(link, this.#replies, timeoutMs);
    const limitInFlightBytes = options.limitInFlightBytes ?? LIMIT_IN_FLIGHT_BYTES;
    const limits = { clock, timeoutMs, limitInFlightBytes };
    this.#publisher = new Publisher(link, this.#replies, limits);
    this.#batches = new BatchPublisher(this.#publisher, this.#replies, {
      clock,
      random,
      timeoutMs,
    });
    this.#reads = new Reads(this.#requests, this.#publisher, clock);
    this.#watches = new Watches(clock);
    link.listen(this.#replies);
    this.#calls = new Calls(this.#requests);
    link.listen(this.#watches);
    link.listen(this.#calls);
    link.listen({
      onUp: (connection) => {
        for (const resolve of this.#awaitingConnection) resolve(connection);
        this.#awaitingConnection.clear();
      },
      onDown: () => {},
    });
  }

  get isConnected(): boolean {
    return this.#link.connection !== undefined;
  }

  get messageLimitBytes(): number {
    return this.#publisher.messageLimitBytes;
  }

  /** @throws {JetStreamError} where there is no JetStream for who asks */
  async checkAccount(): Promise<void> {
    try {
      await this.#requests.api("INFO", {});
    } catch (error) {
      const isOff = error instanceof ApiError
        ? error.code === ApiErrorCode.notEnabled || error.code === ApiErrorCode.notEnabledForAccount
        : this.#link.connection?.info?.jetstream !== true;
      if (!isOff) throw error instanceof ApiError ? error.toJetStreamError("JetStream") : error;
      const message =
        "The servers have no JetStream for this account: turn it on by `jetstream {}`";
      throw new JetStreamError("unsuitable", message, { cause: error });
    }
  }

  async ensureLog(config: LogConfig): Promise<void> {
    const replicas = await ensureLog(this.#requests, config);
    await this.#reads.reachable(config.name);
    if (replicas > 1) this.#publisher.leadership.add(config.name);
  }

  publish(message: NewMessage): Promise<PublishOutcome> {
    return this.#publisher.publish(message);
  }

  publishTogether(messages: readonly NewMessage[]): Promise<PublishOutcome> {
    return this.#batches.publish(messages);
  }

  lastSequence(log: string, subject: string): Promise<number> {
    return this.#reads.lastSequence(log, subject);
  }

  lastMessage(log: string, subject: string): Promise<StoredMessage | undefined> {
    return this.#reads.lastMessage(log, subject);
  }

  messages(query: MessagesQuery): Promise<StoredMessage[]> {
    return this.#reads.messages(query);
  }

  watch(
    log: string,
    subject: string,
    onStored: (notice: StoredNotice) => void,
    onGap: () => void,
  ): () => void {
    return this.#watches.add(log, subject, onStored, onGap);
  }

  follow(
    request: FollowRequest,
    onMessage: (message: StoredMessage) => Promise<void> | void,
  ): Follower {
    const context = {
      requests: this.#requests,
      reads: this.#reads,
      clock: this.#clock,
      connected: () => this.#connected(),
    };
    const follower = new ConsumerFollower(context, request, onMessage);
    this.#followers.add(follower);
    return {
      caughtUp: () => follower.caughtUp(),
      stop: () => {
        this.#followers.delete(follower);
        return follower.stop();
      },
    };
  }

  purge(log: string, subject: string, upToSequence: number): Promise<void> {
    return purgeSubject(this.#requests, log, subject, upToSequence);
  }

  logEnd(log: string): Promise<number> {
    return endOfLog(this.#requests, log);
  }

  call(subject: string, payload: Bytes, timeoutMs: number): Promise<Bytes> {
    return this.#calls.call(subject, payload, timeoutMs);
  }

  serve(subject: string, handler: (payload: Bytes) => Promise<Bytes>): () => void {
    return this.#calls.serve(subject, handler);
  }

  syncSetting(): Promise<SyncSetting> {
    return readSyncSetting(this.#monitorUrls);
  }

  switchServer(): void {
    this.#link.switchServer();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const resolve of this.#awaitingConnection) resolve(undefined);
    this.#watches.stop();
    const stopping = [...this.#followers].map((follower) => follower.stop());
    await this.#link.close();
    await Promise.all(stopping);
    this.#replies.stop();
  }

  #connected(): Promise<NatsConnection | undefined> {
    const { connection } = this.#link;
    if (connection !== undefined || this.#isClosed) return Promise.resolve(connection);
    return new Promise((resolve) => this.#awaitingConnection.add(resolve));
  }
}
