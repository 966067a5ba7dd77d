import { essence, isJsonType } from "../../protocol/content_type.ts";
import {
  isTrue,
  STREAM_CLOSED,
  STREAM_COMPACTED,
  STREAM_CURSOR,
  STREAM_NEXT_ORDINAL,
  STREAM_START_OFFSET,
  STREAM_UP_TO_DATE,
} from "../../protocol/headers.ts";
import { offsetIn } from "../transport/append_request.ts";
import { Backoff } from "../../env/backoff.ts";
import { type Batch, toBatch } from "./batch.ts";
import { ClientError, ofRequest } from "../errors/client_error.ts";
import type { Connection, OutgoingRequest } from "../transport/connection.ts";
import { type Missed, missedBetween, missedInAll } from "./missed.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import { retry, RetryBudget } from "../transport/retry_loop.ts";
import { NOW, type Place } from "../transport/place.ts";
import type { TailQuery } from "./options.ts";
import type { ReadMode } from "./read_mode.ts";
import { retryDelayMs } from "../transport/response_error.ts";
import { sleep } from "../transport/sleep.ts";
import { shareOf } from "./live_share.ts";
import type { LiveSource, SseGroup } from "./sse_connection.ts";
import type { TransportResponse } from "../transport/transport.ts";

/** How a {@link Feed} reads. */
export interface FeedOptions {
  path: string;
  /** Its first answer begins so far before the tail, and not at its place. */
  last: TailQuery;
  /** Whether it skips what was trimmed before it was read. */
  skipsTrimmed: boolean;
  /** Whether it asks which messages these are, counted from the stream's first. */
  ordinals: boolean;
  readMode: ReadMode;
  /** How long it retries without success, in ms. */
  maxElapsedMs: number;
  /** Aborting it ends an open connection. */
  signal: AbortSignal | undefined;
}

/** In `auto`, a proxy delays SSE if the first event takes longer: a server sends it at once. */
const FIRST_EVENT_MS = 5_000;
/** In `auto`, so many failed connections in a row show that the network doesn't allow SSE. */
const FAILED_CONNECTIONS_LIMIT = 3;
/** How many malformed responses in a row end the retries. */
const MALFORMED_LIMIT = 5;
/** No cache serves such a response without revalidation (RFC 9111 §5.2.2). */
const NOT_CACHED = /no-(store|cache)(?!=)/i;
/** A live response without news that arrives sooner than this must not be repeated at once. */
const AT_ONCE_MS = 1_000;

/**
 * The responses of a server from a place on: first by plain GETs up to the tail, then live (PROTOCOL
 * §5.6–5.8). Its place is after the last response that it returned; failed ones don't move it.
 */
export class Feed {
  readonly #connection: Connection;
  readonly #options: FeedOptions;
  /** The place after the last response. */
  place: Place;
  /** The stream's content type; `undefined` before the first response. */
  contentType: string | undefined;
  /** The cursor that the next live request echoes (PROTOCOL §10.1). */
  cursor: string | undefined;
  /** The last response reached the tail. */
  upToDate = false;
  /** The last response reached the end of a closed stream. */
  closed = false;
  #isLive = false;
  #suitsSse = true;
  #sse: LiveSource | undefined;
  #attempt = 1;
  #failedConnections = 0;
  #hasMoved = false;
  #last: TailQuery;
  /** The tail after a response that claimed to be up to date but may be from a cache. */
  #tail: string | undefined;
  readonly #idle: Backoff;
  #notBeforeMs = 0;
  /** What it has skipped since its last answer, and since its last message. */
  #missed: Missed | undefined;
  #missedBeforeMessage: Missed | undefined;
  /** How many messages come before its place, if that is known. */
  #ordinal: number | undefined;

  constructor(connection: Connection, options: FeedOptions, place: Place) {
    this.#connection = connection;
    this.#options = options;
    this.place = place;
    this.#last = options.last;
    this.#idle = new Backoff({ random: connection.random });
  }

  /** How far before the tail it begins; `undefined` once it has, and where it begins at its place. */
  get last(): TailQuery {
    return this.#last;
  }

  /** The options of its reader that ask for more than other servers have. */
  get extensions(): { trimmed: "fail" | "skip"; ordinals: boolean } {
    const { skipsTrimmed, ordinals } = this.#options;
    return { trimmed: skipsTrimmed ? "skip" : "fail", ordinals };
  }

  /** Another feed, from another place, that keeps what is known about the stream and the network. */
  at(place: Place, readMode: ReadMode = this.#options.readMode): Feed {
    const last = place === this.place ? this.#last : undefined;
    const feed = new Feed(this.#connection, { ...this.#options, last, readMode }, place);
    feed.contentType = this.contentType;
    feed.#suitsSse = this.#suitsSse;
    return feed;
  }

  /**
   * The messages of the next response; transient failures are retried.
   *
   * @throws {ClientError}
   */
  async next(signal: AbortSignal): Promise<Batch> {
    let batch: Batch | undefined;
    while (batch === undefined) batch = await this.#requestWithRetries(signal);
    return this.#withMissed(batch);
  }

  #withMissed(batch: Batch): Batch {
    const { nextOrdinal, messages: [first] } = batch;
    const missed = this.#missedBeforeMessage;
    if (missed !== undefined && first?.ordinal !== undefined && this.#ordinal !== undefined) {
      missed.messages = first.ordinal - this.#ordinal;
    }
    // A batch of bytes doesn't say with which of its messages it begins.
    if (missed === undefined || first !== undefined) this.#ordinal = nextOrdinal;
    if (first !== undefined) {
      first.missed = missed;
      this.#missedBeforeMessage = undefined;
    }
    batch.missed = this.#missed;
    this.#missed = undefined;
    return batch;
  }

  /** Moves to what is still kept; false if it isn't to, or that is no reason. */
  #skipTrimmed(error: unknown): boolean {
    if (!this.#options.skipsTrimmed || !(error instanceof ClientError)) return false;
    const { earliestOffset } = error;
    if (error.code !== "trimmed" || earliestOffset === undefined) return false;
    // From a server that says that of its earliest offset, too, nothing can be read.
    if (earliestOffset === this.place.offset) return false;
    this.disconnect();
    const missed = missedBetween(this.place, earliestOffset);
    this.#missed = this.#missedBeforeMessage = missedInAll(this.#missedBeforeMessage, missed);
    this.place = { offset: earliestOffset, skip: 0 };
    return true;
  }

  #requestWithRetries(signal: AbortSignal): Promise<Batch | undefined> {
    const { clock, random } = this.#connection;
    let malformed = 0;
    return retry({
      budget: new RetryBudget(clock, this.#options.maxElapsedMs),
      backoff: new Backoff({ random }),
      signal,
      isLive: this.#isLive,
      attempt: async (number) => {
        signal.throwIfAborted();
        this.#attempt = number;
        try {
          return await this.#request(signal);
        } catch (error) {
          if (!this.#skipTrimmed(error)) throw error;
          return undefined;
        }
      },
      decide: ({ error }) => {
        if (error === undefined) return undefined;
        this.disconnect();
        signal.throwIfAborted();
        if (error instanceof MalformedResponse) {
          return ++malformed < MALFORMED_LIMIT ? 0 : undefined;
        }
        return retryDelayMs(error);
      },
    });
  }

  /** Disconnects; data that has arrived but wasn't returned is fetched again. */
  disconnect(): void {
    this.#sse?.cancel();
    this.#sse = undefined;
  }

  async #request(signal: AbortSignal): Promise<Batch | undefined> {
    const { readMode } = this.#options;
    if (!this.#isLive || readMode === "catch-up") return await this.#poll(undefined, signal);
    const { clock } = this.#connection;
    const waitMs = this.#notBeforeMs - clock.nowMs();
    if (waitMs > 0) await sleep(clock, waitMs, signal);
    const canUseSse = this.#sse !== undefined || this.#connection.sseAvailability.isAvailable;
    const mayUseSse = readMode === "sse" || (readMode === "auto" && this.#suitsSse && canUseSse);
    if (mayUseSse && this.#sse === undefined) {
      this.#hasMoved = false;
      const { path, ordinals } = this.#options;
      // A shared connection doesn't say which ones its messages are.
      this.#sse = ordinals ? undefined : shareOf(this.#connection).follow(path, this.place.offset);
    }
    // Text loses which line ends it had, but for a shared connection.
    const useSse = this.#sse !== undefined || readMode === "sse" || (mayUseSse && !this.#isText);
    if (useSse) return await this.#stream(signal);
    return await shareOf(this.#connection).polling(() => this.#poll("long-poll", signal));
  }

  get #isText(): boolean {
    return this.contentType === undefined || essence(this.contentType).startsWith("text/");
  }

  async #poll(live: "long-poll" | undefined, signal: AbortSignal): Promise<Batch> {
    const { clock, timeoutMs, liveTimeoutMs } = this.#connection;
    const startMs = clock.nowMs();
    const outgoing: OutgoingRequest = {
      method: "GET",
      url: this.#url(live),
      signal,
      timeoutMs: live === undefined ? timeoutMs : liveTimeoutMs,
      repeatable: true,
      retriedByCaller: true,
      attempt: this.#attempt,
    };
    return await this.#connection.request(
      outgoing,
      (response) => this.#acceptPoll(response, live, startMs, signal),
    );
  }

  async #acceptPoll(
    { status, headers, body }: TransportResponse,
    live: "long-poll" | undefined,
    startMs: number,
    signal: AbortSignal,
  ): Promise<Batch> {
    signal.throwIfAborted();
    const isEmpty = status === 204;
    if (!isEmpty) this.#learnType(headers.get("content-type"));
    const { offset } = this.place;
    const start = headers.get(STREAM_START_OFFSET);
    if (this.#last !== undefined && start === null) {
      throw new ClientError("unsupported", "The server can't read the last messages: use offset.");
    }
    // Places within the response need an offset of this stream; -1 would fit any stream.
    this.place = { ...this.place, offset: start ?? offset };
    const nextOffset = offsetIn(headers);
    const closed = isTrue(headers.get(STREAM_CLOSED));
    // A response that moves on without a byte was cut, which the JSON parser finds.
    const isAtEnd = nextOffset === (this.#last === undefined ? offset : start);
    const mayBeEmpty = isEmpty || isAtEnd || offset === NOW;
    const batch = this.#accept({
      bodies: body.length === 0 && mayBeEmpty ? [] : [body],
      nextOffset,
      cursor: headers.get(STREAM_CURSOR) ?? undefined,
      upToDate: closed || isTrue(headers.get(STREAM_UP_TO_DATE)) || nextOffset === offset,
      closed,
      nextOrdinal: ordinalIn(headers),
      earliestOffset: undefined,
      compactedUpTo: headers.get(STREAM_COMPACTED) ?? undefined,
    });
    this.#last = undefined;
    const mayBeStale = this.upToDate && !closed && nextOffset !== offset &&
      !NOT_CACHED.test(headers.get("cache-control") ?? "");
    if (mayBeStale && this.#options.readMode === "catch-up") await this.#fetchTail(signal);
    if (live === undefined) this.#isLive = this.upToDate;
    else this.#noteLive(startMs, nextOffset !== offset);
    return batch;
  }

  /**
   * A response that claims to be up to date may come from a cache, older than later appends. So the tail is
   * fetched once, and whatever is appended after that is left to the next read. If that fails, the next
   * response shows whether there is more.
   */
  async #fetchTail(signal: AbortSignal): Promise<void> {
    this.#tail ??= await this.#connection.request({
      method: "GET",
      url: this.#connection.urls.of(this.#options.path, { offset: NOW }),
      signal,
      repeatable: true,
      retriedByCaller: true,
    }, ({ headers }) => offsetIn(headers)).catch(() => undefined);
    // Offsets of one stream are ordered as texts (PROTOCOL §8).
    this.upToDate = this.#tail !== undefined && this.place.offset >= this.#tail;
    if (this.upToDate) this.#tail = undefined;
  }

  /** The next SSE event with news; `undefined` if a new request is needed. */
  async #stream(signal: AbortSignal): Promise<Batch | undefined> {
    const sse = this.#sse ??= this.#connect();
    const onAbort = () => sse.cancel(signal.reason);
    signal.addEventListener("abort", onAbort);
    try {
      const group = await sse.next();
      signal.throwIfAborted();
      return group === undefined ? this.#afterSse(sse) : this.#acceptGroup(group);
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#mayFallBack || !isUnfitForSse(error)) {
        throw ofRequest(error, { method: "GET", url: this.#url("sse") });
      }
      return this.#fallBack(isTimeout(error));
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #connect(): LiveSource {
    const { timeoutMs, liveTimeoutMs } = this.#connection;
    this.#hasMoved = false;
    return shareOf(this.#connection).own({
      url: this.#url("sse"),
      timeoutMs: this.#mayFallBack ? Math.min(timeoutMs, FIRST_EVENT_MS) : timeoutMs,
      firstEventMs: this.#mayFallBack ? FIRST_EVENT_MS : liveTimeoutMs,
      attempt: this.#attempt,
      signal: this.#options.signal,
    });
  }

  #acceptGroup(group: SseGroup): Batch | undefined {
    if (group.earliestOffset !== undefined) throw trimmed(group);
    const wasUpToDate = this.upToDate;
    this.#hasMoved ||= group.nextOffset !== this.place.offset;
    const batch = this.#accept(group);
    if (group.closed) this.disconnect();
    const saysMore = batch.messages.length > 0 || group.closed || group.upToDate !== wasUpToDate;
    return saysMore ? batch : undefined;
  }

  /**
   * Handles the end of a connection. A server ends it after a while, or when the token is over; the next one
   * begins at once.
   *
   * @throws {ClientError} if the connection brought nothing at all
   */
  #afterSse(sse: LiveSource): undefined {
    this.disconnect();
    if (sse.isHandedOver) return;
    const { hasControl, isExpired, isSilent, isMidEvent, startMs } = sse;
    // Says nothing about the network.
    if (isExpired) return this.#noteLive(startMs, this.#hasMoved);
    const hasFailed = !hasControl || isMidEvent || this.#isAtOnce(startMs, this.#hasMoved);
    this.#failedConnections = hasFailed ? this.#failedConnections + 1 : 0;
    if (this.#mayFallBack && this.#failedConnections >= FAILED_CONNECTIONS_LIMIT) {
      return this.#fallBack(true);
    }
    if (hasControl) return this.#noteLive(startMs, this.#hasMoved);
    throw new ClientError(
      isSilent ? "timeout" : "network",
      `SSE ${isSilent ? "brought nothing for too long" : "ended before its first event"}.`,
    );
  }

  get #mayFallBack(): boolean {
    return this.#options.readMode === "auto";
  }

  /** @param isNetwork whether the network is the reason, which concerns other readers too */
  #fallBack(isNetwork: boolean): undefined {
    this.disconnect();
    this.#suitsSse = false;
    if (isNetwork) this.#connection.sseAvailability.noteBlocked();
  }

  #learnType(contentType: string | null): void {
    if (contentType === null) return;
    this.contentType = contentType;
    this.#connection.types.set(this.#options.path, contentType);
  }

  #accept(group: SseGroup): Batch {
    const { bodies, nextOffset, cursor, upToDate, closed, compactedUpTo } = group;
    const isJson = isJsonType(this.contentType ?? "");
    // What a place counted may be missing by now: rather once more than never.
    const start = compactedUpTo === undefined ? this.place : { ...this.place, skip: 0 };
    const nextOrdinal = compactedUpTo === undefined ? group.nextOrdinal : undefined;
    const batch = toBatch({ bodies, isJson, start, nextOffset, nextOrdinal });
    batch.compactedUpTo = compactedUpTo;
    if (batch.messages.length > 0 && nextOffset === this.place.offset) {
      throw new ClientError(
        "invalid_response",
        `The answer has data but goes on at the same offset, ${nextOffset}.`,
      );
    }
    this.place = batch.end;
    this.cursor = cursor ?? this.cursor;
    this.upToDate = upToDate;
    this.closed = closed;
    return batch;
  }

  /** Delays the next live request, more and more while responses come at once and without news. */
  #noteLive(startMs: number, hasMoved: boolean): undefined {
    if (this.#isAtOnce(startMs, hasMoved)) {
      this.#notBeforeMs = this.#connection.clock.nowMs() + this.#idle.next();
    } else {
      this.#idle.reset();
    }
  }

  #isAtOnce(startMs: number, hasMoved: boolean): boolean {
    return !hasMoved && this.#connection.clock.nowMs() - startMs < AT_ONCE_MS;
  }

  #url(live: "long-poll" | "sse" | undefined): string {
    return this.#connection.urls.of(this.#options.path, {
      ...(this.#last ?? { offset: this.place.offset }),
      live,
      cursor: live === undefined ? undefined : this.cursor,
      ordinals: this.#options.ordinals ? "true" : undefined,
    });
  }
}

function ordinalIn(headers: Headers): number | undefined {
  const value = headers.get(STREAM_NEXT_ORDINAL);
  return value === null ? undefined : Number(value);
}

/** What a connection ends with whose place was trimmed; a new request would be told the same. */
function trimmed({ nextOffset, earliestOffset }: SseGroup): ClientError {
  return new ClientError(
    "trimmed",
    `The offset ${nextOffset} was trimmed: the earliest that can be read is ${earliestOffset}.`,
    { earliestOffset },
  );
}

function isTimeout(error: unknown): boolean {
  return error instanceof ClientError && error.code === "timeout";
}

/** Whether the failure of an SSE request shows that SSE itself is the problem. */
function isUnfitForSse(error: unknown): boolean {
  return error instanceof MalformedResponse || isTimeout(error) || (error instanceof ClientError &&
    (error.code === "bad_request" || error.code === "unsupported"));
}
