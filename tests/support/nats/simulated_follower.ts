import {
  type Follower,
  type FollowRequest,
  JetStreamError,
  type StoredMessage,
} from "../../../src/storage/nats/jetstream.ts";
import { NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { SimulatedLog } from "./simulated_log.ts";
import { matchesSubject } from "./subject_pattern.ts";

/** What a follower needs of its front end's connection. */
export interface FollowerConnection {
  nowMs(): number;
  /** Resolves while there is a connection. */
  connected(): Promise<void>;
  /** A message takes its time. */
  delivered(): Promise<void>;
}

interface CaughtUpWaiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Hands over a log's messages one after the other. */
export class SimulatedFollower implements Follower {
  readonly #log: SimulatedLog;
  readonly #request: FollowRequest;
  readonly #onMessage: (message: StoredMessage) => Promise<void> | void;
  readonly #connection: FollowerConnection;
  readonly #waiters = new Set<CaughtUpWaiter>();
  readonly #onChanged = () => this.#wake();
  /** Those of the start that are handed over first, of which only the newest count. */
  readonly #first: number[] = [];
  readonly #firstUpTo: number;
  #handledUpTo: number;
  #isStopped = false;
  #failure: { readonly error: unknown } | undefined;
  #wake = () => {};
  readonly #running: Promise<void>;

  constructor(
    log: SimulatedLog,
    request: FollowRequest,
    onMessage: (message: StoredMessage) => Promise<void> | void,
    connection: FollowerConnection,
  ) {
    this.#log = log;
    this.#request = request;
    this.#onMessage = onMessage;
    this.#connection = connection;
    this.#handledUpTo = request.fromSequence - 1;
    if (request.isLastOfEach === true) {
      for (const subject of log.leader.subjects()) {
        const newest = log.leader.newest(subject, connection.nowMs());
        if (newest === undefined || newest.sequence < request.fromSequence) continue;
        if (this.#isWanted(newest)) this.#first.push(newest.sequence);
      }
      this.#first.sort((a, b) => a - b);
    }
    this.#firstUpTo = log.lastSequence;
    log.changed.add(this.#onChanged);
    this.#running = this.#run();
  }

  async caughtUp(): Promise<void> {
    await this.#connection.connected();
    await this.#connection.delivered();
    const sequence = this.#log.lastSequence;
    await new Promise<void>((resolve, reject) => {
      this.#waiters.add({ sequence, resolve, reject });
      this.#settle();
    });
  }

  async stop(): Promise<void> {
    this.abandon();
    await this.#running;
  }

  /** Stops without waiting for the message that is being handled. */
  abandon(): void {
    this.#isStopped = true;
    this.#log.changed.delete(this.#onChanged);
    this.#wake();
    this.#settle();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const message = this.#next();
      if (message === undefined) {
        this.#settle();
        await new Promise<void>((resolve) => this.#wake = resolve);
        continue;
      }
      await this.#connection.delivered();
      await this.#connection.connected();
      if (this.#isStopped) return;
      try {
        await this.#onMessage(
          this.#request.headersOnly === true ? { ...message, payload: NO_BYTES } : message,
        );
      } catch (error) {
        this.#failure = { error };
        return this.abandon();
      }
      this.#handledUpTo = message.sequence;
      this.#settle();
    }
  }

  /** The next one that is still there; those left out count as handled. */
  #next(): StoredMessage | undefined {
    const nowMs = this.#connection.nowMs();
    const { isLastOfEach = false } = this.#request;
    while (isLastOfEach && this.#first.length > 0) {
      const sequence = this.#first.shift() ?? 0;
      const message = this.#log.leader.at(sequence, nowMs);
      if (message !== undefined) return plain(message);
    }
    if (isLastOfEach) this.#handledUpTo = Math.max(this.#handledUpTo, this.#firstUpTo);
    while (this.#handledUpTo < this.#log.lastSequence) {
      const message = this.#log.leader.at(this.#handledUpTo + 1, nowMs);
      if (message !== undefined && this.#isWanted(message)) return plain(message);
      this.#handledUpTo++;
    }
    return undefined;
  }

  #isWanted(message: StoredMessage): boolean {
    const { subject } = this.#request;
    return subject === undefined || matchesSubject(subject, message.subject);
  }

  #settle(): void {
    for (const waiter of [...this.#waiters]) {
      if (this.#failure !== undefined) waiter.reject(this.#failure.error);
      else if (this.#isStopped) waiter.reject(new JetStreamError("unavailable", "It was stopped."));
      else if (waiter.sequence <= this.#handledUpTo) waiter.resolve();
      else continue;
      this.#waiters.delete(waiter);
    }
  }
}

/** A message as who reads it gets it: nothing of the replica's, and bytes of its own. */
export function plain({ subject, sequence, atMs, payload, headers }: StoredMessage): StoredMessage {
  return { subject, sequence, atMs, payload: payload.slice(), headers: { ...headers } };
}
