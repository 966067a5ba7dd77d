import { essence, isJsonType } from "../../protocol/content_type.ts";
import {
  isTrue,
  STREAM_CLOSED,
  STREAM_CURSOR,
  STREAM_START_OFFSET,
  STREAM_UP_TO_DATE,
} from "../../protocol/headers.ts";
import { offsetIn } from "../transport/append_request.ts";
import { Backoff } from "../../env/backoff.ts";
import { type Batch, toBatch } from "./batch.ts";
import { ClientError, ofRequest } from "../errors/client_error.ts";
import type { Connection, OutgoingRequest } from "../transport/connection.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import { retry, RetryBudget } from "../transport/retry_loop.ts";
import { NOW, type Place } from "../transport/place.ts";
import type { ReadMode } from "./read_mode.ts";
import { retryDelayMs } from "../transport/response_error.ts";
import { sleep } from "../transport/sleep.ts";
import { SseConnection, type SseGroup } from "./sse_connection.ts";
import type { TransportResponse } from "../transport/transport.ts";

/** How a {@link Feed} reads. */
export interface FeedOptions {
  path: string;
  readMode: ReadMode;
  /** How long it asks again in vain, in ms. */
  maxElapsedMs: number;
  /** Ends a connection that is held open. */
  signal: AbortSignal | undefined;
}

/** In `auto`, SSE whose first event takes longer is held back by a proxy: a server sends it at once. */
const FIRST_EVENT_MS = 5_000;
/** In `auto`, so many useless connections in a row show that SSE doesn't get through. */
const FAILED_CONNECTIONS_LIMIT = 3;
/** So often is asked for an answer that arrives mangled. */
const MALFORMED_LIMIT = 5;
/** No cache gives such an answer once more without asking (RFC 9111 §5.2.2). */
const NOT_CACHED = /no-(store|cache)(?!=)/i;
/** A live answer that says nothing new and came sooner than this is no way to wait. */
const AT_ONCE_MS = 1_000;

/**
 * The answers of a server from a place on: first by plain GETs up to the tail, then live (PROTOCOL
 * §5.6–5.8). It stands behind the last answer that it gave, whatever came of others.
 */
export class Feed {
  readonly #connection: Connection;
  readonly #options: FeedOptions;
  /** The place after the last answer. */
  place: Place;
  /** The stream's content type; `undefined` before the first answer. */
  contentType: string | undefined;
  /** What the next live request echoes (PROTOCOL §10.1). */
  cursor: string | undefined;
  /** The last answer brought all there was. */
  upToDate = false;
  /** The last answer was the end of a closed stream. */
  closed = false;
  #isLive = false;
  #suitsSse = true;
  #sse: SseConnection | undefined;
  #attempt = 1;
  #failedConnections = 0;
  #hasMoved = false;
  /** Where the stream went to after an answer that a cache may have kept said that it was all. */
  #tail: string | undefined;
  readonly #idle: Backoff;
  #notBeforeMs = 0;

  constructor(connection: Connection, options: FeedOptions, place: Place) {
    this.#connection = connection;
    this.#options = options;
    this.place = place;
    this.#idle = new Backoff({ random: connection.random });
  }

  /** Another one, from elsewhere on, that knows what this one learned of the way to the server. */
  at(place: Place, readMode: ReadMode = this.#options.readMode): Feed {
    const feed = new Feed(this.#connection, { ...this.#options, readMode }, place);
    feed.contentType = this.contentType;
    feed.#suitsSse = this.#suitsSse;
    return feed;
  }

  /**
   * The next answer; asked for again and again where something fails that may pass.
   *
   * @throws {ClientError}
   */
  async next(signal: AbortSignal): Promise<Batch> {
    let batch: Batch | undefined;
    while (batch === undefined) batch = await this.#requestWithRetries(signal);
    return batch;
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
        return await this.#request(signal);
      },
      decide: (outcome) => {
        if (!("error" in outcome)) return undefined;
        this.disconnect();
        signal.throwIfAborted();
        const { error } = outcome;
        if (error instanceof MalformedResponse) {
          return ++malformed < MALFORMED_LIMIT ? 0 : undefined;
        }
        return retryDelayMs(error);
      },
    });
  }

  /** Hangs up; what has come and wasn't given is asked for again. */
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
    const isWayOpen = this.#sse !== undefined || this.#connection.sseAvailability.isAvailable;
    const useSse = readMode === "sse" ||
      (readMode === "auto" && this.#suitsSse && isWayOpen && !this.#isText);
    return useSse ? await this.#stream(signal) : await this.#poll("long-poll", signal);
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
    // A place in this answer is to be one of its stream, which -1 doesn't say.
    this.place = { ...this.place, offset: headers.get(STREAM_START_OFFSET) ?? offset };
    const nextOffset = offsetIn(headers);
    const closed = isTrue(headers.get(STREAM_CLOSED));
    // What went on to another place without a byte was cut, and a JSON batch finds that out.
    const mayBeEmpty = isEmpty || nextOffset === offset || offset === NOW;
    const batch = this.#accept({
      bodies: body.length === 0 && mayBeEmpty ? [] : [body],
      nextOffset,
      cursor: headers.get(STREAM_CURSOR) ?? undefined,
      upToDate: closed || isTrue(headers.get(STREAM_UP_TO_DATE)) || nextOffset === offset,
      closed,
    });
    const mayBeOld = this.upToDate && !closed && nextOffset !== offset &&
      !NOT_CACHED.test(headers.get("cache-control") ?? "");
    if (mayBeOld && this.#options.readMode === "catch-up") await this.#fetchTail(signal);
    if (live === undefined) this.#isLive = this.upToDate;
    else this.#noteLive(startMs, nextOffset !== offset);
    return batch;
  }

  /**
   * What says that it is up to date may not be so any more: a cache may have kept it since before later
   * appends. The tail is asked for once, and what comes after that is left to the next read. Where it
   * can't be had the next answer tells.
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

  /** The next SSE event that says something; `undefined` where it is better to ask anew. */
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
      return this.#fallBack(isSilence(error));
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #connect(): SseConnection {
    const { timeoutMs, liveTimeoutMs } = this.#connection;
    this.#hasMoved = false;
    return new SseConnection(this.#connection, {
      url: this.#url("sse"),
      timeoutMs: this.#mayFallBack ? Math.min(timeoutMs, FIRST_EVENT_MS) : timeoutMs,
      firstEventMs: this.#mayFallBack ? FIRST_EVENT_MS : liveTimeoutMs,
      attempt: this.#attempt,
      signal: this.#options.signal,
    });
  }

  #acceptGroup(group: SseGroup): Batch | undefined {
    const wasUpToDate = this.upToDate;
    this.#hasMoved ||= group.nextOffset !== this.place.offset;
    const batch = this.#accept(group);
    if (group.closed) this.disconnect();
    const saysMore = batch.messages.length > 0 || group.closed || group.upToDate !== wasUpToDate;
    return saysMore ? batch : undefined;
  }

  /**
   * A server ends a connection after a while; then the next one begins at once.
   *
   * @throws {ClientError} where the connection brought nothing at all
   */
  #afterSse(sse: SseConnection): undefined {
    this.disconnect();
    const { hasControl, isSilent, isMidEvent, startMs } = sse;
    const isUseless = !hasControl || isMidEvent || this.#isAtOnce(startMs, this.#hasMoved);
    this.#failedConnections = isUseless ? this.#failedConnections + 1 : 0;
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

  /** @param isOfTheWay whether it is something between client and server, which other readers would meet too */
  #fallBack(isOfTheWay: boolean): undefined {
    this.disconnect();
    this.#suitsSse = false;
    if (isOfTheWay) this.#connection.sseAvailability.noteBlocked();
  }

  #learnType(contentType: string | null): void {
    if (contentType === null) return;
    this.contentType = contentType;
    this.#connection.types.set(this.#options.path, contentType);
  }

  #accept({ bodies, nextOffset, cursor, upToDate, closed }: SseGroup): Batch {
    const isJson = isJsonType(this.contentType ?? "");
    const batch = toBatch({ bodies, isJson, start: this.place, nextOffset });
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

  /** Waits longer and longer before each live request while answers come at once and say nothing. */
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
      offset: this.place.offset,
      live,
      cursor: live === undefined ? undefined : this.cursor,
    });
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof ClientError && error.code === "timeout";
}

/** Whether an answer to a request for SSE says that SSE is what is wrong. */
function isUnfitForSse(error: unknown): boolean {
  return error instanceof MalformedResponse || isSilence(error) || (error instanceof ClientError &&
    (error.code === "bad_request" || error.code === "unsupported"));
}
