import type { Bytes } from "../../protocol/bytes.ts";

/**
 * What the storage asks of a JetStream cluster, and all that it knows of one: `connection/` has the real one,
 * tests one that is made up and loses answers, delays, refuses and forgets as real ones do.
 *
 * A *log* is a JetStream stream here, for `stream` has its own meaning in this project. Each message of a log
 * has a *sequence*, and a subject; the messages of one subject are what one stream of ours consists of.
 */
export interface JetStream {
  /** Whether there is a connection to a server. */
  readonly isConnected: boolean;
  /** How many bytes a message may have, its headers not counted. */
  readonly messageLimitBytes: number;
  /**
   * Makes a log, or finds it there already. What is there keeps its configuration.
   *
   * @throws {JetStreamError} `unavailable`
   */
  ensureLog(config: LogConfig): Promise<void>;
  /**
   * Adds one message, if the newest of its subject has the expected sequence. Resolves always: what came of
   * it is in the outcome, and `unknown` means that it may be stored, also later.
   */
  publish(message: NewMessage): Promise<PublishOutcome>;
  /**
   * Adds several messages of one log, all of them or none. Only the first of a subject is compared with its
   * expected sequence. The sequence of the outcome is the last message's.
   */
  publishTogether(messages: readonly NewMessage[]): Promise<PublishOutcome>;
  /**
   * The sequence of a subject's newest message, 0 without one, as of a moment after the call: asked of the
   * leader.
   *
   * @throws {JetStreamError} `unavailable`
   */
  lastSequence(log: string, subject: string): Promise<number>;
  /**
   * A subject's newest message, as of a moment after the call: asked of the leader.
   *
   * @throws {JetStreamError} `unavailable`
   */
  lastMessage(log: string, subject: string): Promise<StoredMessage | undefined>;
  /**
   * Messages of a subject from a sequence on, in order, as many as the limits allow and at least one where
   * there is one. They come from any replica unless `byLeader`: one that is behind, or damaged, may leave out
   * the newest ones, or one in the middle, without saying so.
   *
   * @throws {JetStreamError} `unavailable`
   */
  messages(query: MessagesQuery): Promise<StoredMessage[]>;
  /**
   * Calls `onStored` for messages that were stored under a subject from about now on. Some may be left out:
   * then that of a later one tells by its {@link StoredNotice.previousSequence}, if there is one. `onGap` is
   * called where that may have happened unnoticed, after each interruption of the connection.
   *
   * @returns what ends it
   */
  watch(
    log: string,
    subject: string,
    onStored: (notice: StoredNotice) => void,
    onGap: () => void,
  ): () => void;
  /**
   * Hands over the messages of a log one after the other, without leaving one out, from a sequence on and for
   * ever, also over interruptions. Each one's handling is waited for, so that memory stays bounded. Where that
   * fails, nothing more is handed over: it is logged, and {@link Follower.caughtUp} rejects with what it was.
   */
  follow(
    request: FollowRequest,
    onMessage: (message: StoredMessage) => Promise<void> | void,
  ): Follower;
  /** Removes a subject's messages, or a pattern's, up to a sequence, and with it; answers when that is agreed on. */
  purge(log: string, subject: string, upToSequence: number): Promise<void>;
  /**
   * The sequence of a log's newest message of whatever subject, be it there still or not; 0 where there never
   * was one. As of a moment after the call.
   *
   * @throws {JetStreamError} `unavailable`
   */
  logEnd(log: string): Promise<number>;
  /**
   * Asks whoever serves a subject, which belongs to no log, and resolves with the answer. Nothing is stored of
   * either; where it fails, the request may have been served all the same.
   *
   * @throws {JetStreamError} `unserved`: nobody serves it; `unavailable`: there was no answer in time;
   * `unsuitable`: who asks may not
   */
  call(subject: string, payload: Bytes, timeoutMs: number): Promise<Bytes>;
  /**
   * Answers requests to a subject that nobody else serves, also over interruptions of the connection. A
   * handler that rejects leaves the request without an answer.
   *
   * @returns what ends it
   */
  serve(subject: string, handler: (payload: Bytes) => Promise<Bytes>): () => void;
  /** Whether acknowledged messages are synced before the acknowledgement; `unknown` where no server tells. */
  syncSetting(): Promise<SyncSetting>;
  /** Leaves the server for another one, where there is one: it may have lost the others. */
  switchServer?(): void;
  /** Ends all of it. */
  close(): Promise<void>;
}

/** How servers sync what they store: before they acknowledge, or every so often. */
export type SyncSetting = { readonly kind: "always" | "unknown" } | {
  readonly kind: "interval";
  readonly intervalMs: number;
};

/** A log to be made. */
export interface LogConfig {
  readonly name: string;
  /** Patterns of subjects. */
  readonly subjects: readonly string[];
  readonly replicas: number;
  /** How many messages a subject keeps; all where it is left out. */
  readonly messagesPerSubject?: number;
  /** Whether who watches a subject of it is told of what is stored. */
  readonly isWatched: boolean;
}

/** A message to be stored. */
export interface NewMessage {
  readonly log: string;
  readonly subject: string;
  readonly payload: Bytes;
  /** Short texts that who watches or follows without payloads sees, too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The sequence that the subject's newest message has to have; 0: there is none. */
  readonly expectedSequence: number;
  /** Whether what the subject had before goes. */
  readonly rollup?: boolean;
  /** When it goes by itself; whole seconds, at least 1. */
  readonly ttlSeconds?: number;
}

/** What came of a publish. */
export type PublishOutcome =
  | { readonly kind: "stored"; readonly sequence: number }
  /**
   * It was not stored and never will be: another message is the subject's newest (`lastSequence`, where the
   * server says), or one is under way.
   */
  | { readonly kind: "refused"; readonly lastSequence: number | undefined }
  /** No answer in time: it may be stored, also later. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** It was not stored and never will be: no leader, no quorum, no connection. */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** It was not stored and never will be: there is no room. */
  | { readonly kind: "full"; readonly reason: string }
  /** It was not stored and never will be, and would not be the next time. */
  | { readonly kind: "rejected"; readonly reason: string };

/** A message of a log. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  /** When the server took it, in ms since 1970. */
  readonly atMs: number;
  readonly payload: Bytes;
  readonly headers: Readonly<Record<string, string>>;
}

/** Which messages are asked for. */
export interface MessagesQuery {
  readonly log: string;
  readonly subject: string;
  /** The first one's sequence is this or more. */
  readonly fromSequence: number;
  readonly limit: number;
  readonly limitBytes: number;
  readonly byLeader?: boolean;
}

/** A message was stored. */
export interface StoredNotice {
  readonly sequence: number;
  /** That of the subject's message before it; 0 where it was the first. */
  readonly previousSequence: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is followed. */
export interface FollowRequest {
  readonly log: string;
  /** A pattern of subjects; all where it is left out. */
  readonly subject?: string;
  readonly fromSequence: number;
  /** Only each subject's newest message of what was there before, then all. */
  readonly isLastOfEach?: boolean;
  /** Payloads come empty. */
  readonly headersOnly?: boolean;
}

/** A log that is being followed. */
export interface Follower {
  /**
   * Resolves when all that was stored before the call has been handled; rejects where handling has failed, and
   * with a {@link JetStreamError} where it was stopped before.
   */
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
}

/** Why a call came to nothing. */
export class JetStreamError extends Error {
  override readonly name = "JetStreamError";
  readonly code: JetStreamErrorCode;

  constructor(code: JetStreamErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * `unavailable`: no connection, no leader, no quorum, or no answer in time; it may be otherwise soon.
 * `unsuitable`: a server too old, without JetStream, or that forbids what is asked, or a log that isn't one of
 * ours. `unserved`: nobody serves the subject of a call.
 */
export type JetStreamErrorCode = "unavailable" | "unsuitable" | "unserved";
