import { Backoff } from "../../env/backoff.ts";
import { isJsonType } from "../../protocol/content_type.ts";
import { ClientError } from "../errors/client_error.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { checkAmounts } from "../errors/option_checks.ts";
import type { CallOptions } from "../transport/call_options.ts";
import type { Connection } from "../transport/connection.ts";
import { formatPlace, NOW, parsePlace, type Place, START } from "../transport/place.ts";
import { isTransient, retryDelayMs } from "../transport/response_error.ts";
import { RetryBudget } from "../transport/retry_loop.ts";
import { sleep } from "../transport/sleep.ts";
import { toBatch } from "./batch.ts";
import {
  isNotOffered,
  LiveConnection,
  type LiveEvent,
  type LiveSet,
  type LiveStart,
  TOO_MANY_STREAMS,
} from "./live_connection.ts";
import { mergedReaders } from "./merged_readers.ts";
import type { Message } from "./message.ts";
import { type Missed, missedBetween, missedInAll } from "./missed.ts";
import { checkTrimmed } from "./options.ts";

/** How {@link LiveReader} reads, and the additions to its requests. */
export interface LiveOptions extends CallOptions {
  /**
   * Takes in all streams whose names fit, later ones too, each from its start: `jobs/**`. The server has to
   * list its streams.
   */
  patterns?: readonly string[] | undefined;
  /** Where those of the patterns begin that are there already: `-1`, the start, unless given; or `now`. */
  patternOffset?: "-1" | "now" | undefined;
  /**
   * What it does where a stream's place was trimmed: it is an error (`trimmed`), unless given, or it skips to
   * what is still kept, and says what it missed (`missed` of the stream's next message).
   */
  trimmed?: "fail" | "skip" | undefined;
  /**
   * Called when a stream can't be followed any more, while the others go on. Unless given, the loop ends with
   * that error. Of a pattern's streams those that are deleted are no error.
   */
  onError?: ((stream: string, error: ClientError) => void) | undefined;
  /** Aborting it ends the loop, with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long it retries without success before it throws; 60 s. `Infinity`: for ever. */
  maxElapsedMs?: number | undefined;
}

/** A message of one of several streams. */
export interface LiveMessage {
  /** The stream's name. */
  readonly stream: string;
  readonly message: Message;
}

/** So many closed streams of patterns are remembered, so that a new connection doesn't bring them again. */
const ENDED_LIMIT = 10_000;
/** A stream that can't be read for now is tried again after this. */
const RETRY_MS = 1_000;
/** A pattern that can't be followed for now is tried again after this, by another connection. */
const PATTERN_RETRY_MS = 5_000;
/** An end that comes sooner, without anything, isn't followed by another request at once. */
const AT_ONCE_MS = 1_000;

/**
 * Reads several streams as one sequence: the messages of each in order and exactly once, those of different
 * streams as they come. It ends when all streams are closed, and with patterns never.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../../server/app.ts";
 * import { createMemoryStorage } from "../../storage/memory.ts";
 * import { Client } from "../client.ts";
 * import { fetchTransport } from "../transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * for (const name of ["a", "b"]) {
 *   const options = { contentType: "application/json", initialData: `["${name}1"]`, closed: true };
 *   await client.create(name, options);
 * }
 * const got: string[] = [];
 * for await (const { stream, message } of client.live(["a", "b"])) {
 *   got.push(`${stream}: ${message.json()}`);
 * }
 * assert.deepEqual(got.sort(), ["a: a1", "b: b1"]);
 * ```
 */
export class LiveReader implements AsyncIterable<LiveMessage> {
  readonly #connection: Connection;
  readonly #options: LiveOptions;
  readonly #patterns: readonly string[];
  /** Where each stream that is followed goes on. */
  readonly #places = new Map<string, Place>();
  /** After the last message of each that was returned. */
  readonly #returned = new Map<string, string>();
  /** Those that were named, and not taken in by a pattern. */
  readonly #named: ReadonlySet<string>;
  readonly #types = new Map<string, string>();
  /** What was skipped of each since its last message. */
  readonly #missed = new Map<string, Missed>();
  readonly #ended = new Map<string, string>();
  /** What is to be done about its connection later; cancelled with it. */
  readonly #cancelTimers = new Set<() => void>();
  /** Whether the patterns' streams are known that were there at first. */
  #hasBegun = false;
  /** Whether the connection had no room for some of the patterns' streams. */
  #hasLeftOut = false;

  /** @throws {ClientError} `invalid_argument` */
  constructor(
    connection: Connection,
    streams: readonly (string | LiveStart)[],
    options: LiveOptions = {},
  ) {
    checkAmounts(options, ["maxElapsedMs"]);
    checkTrimmed(options.trimmed);
    this.#connection = connection.adding(options);
    this.#options = options;
    this.#patterns = options.patterns ?? [];
    for (const start of streams) {
      const { stream, offset } = typeof start === "string"
        ? { stream: start, offset: START }
        : start;
      const name = stream.replace(/^\//, "");
      this.#places.set(name, parsePlace(offset));
      this.#returned.set(name, offset);
    }
    this.#named = new Set(this.#places.keys());
    if (this.#named.size + this.#patterns.length === 0) {
      throw invalidArgument("streams", streams, "at least one, or a pattern");
    }
  }

  /** By the streams' names, the place after the last message of each that was returned. */
  get offsets(): ReadonlyMap<string, string> {
    return this.#returned;
  }

  /** Message by message, until all streams are closed. A further loop goes on where the last one was left. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LiveMessage, undefined> {
    for (const stream of this.#places.keys()) {
      const returned = this.#returned.get(stream);
      if (returned !== undefined) this.#places.set(stream, parsePlace(returned));
    }
    const { signal, maxElapsedMs = 60_000 } = this.#options;
    const { clock, random } = this.#connection;
    const budget = new RetryBudget(clock, maxElapsedMs);
    const backoff = new Backoff({ random });
    while (this.#isOpen) {
      signal?.throwIfAborted();
      const live = this.#connect(backoff.failures + 1);
      let error: unknown;
      let hasData = false;
      try {
        while (this.#isOpen) {
          const events = await live.next().catch((reason: unknown) => void (error = reason));
          if (events === undefined) break;
          if (live.hasBegun) {
            this.#hasBegun = true;
            budget.reset();
          }
          hasData ||= events.some(({ type }) => type === "data");
          for (const event of events) yield* this.#take(event, live);
        }
      } finally {
        live.cancel();
        for (const cancelTimer of this.#cancelTimers) cancelTimer();
        this.#cancelTimers.clear();
      }
      signal?.throwIfAborted();
      if (!this.#isOpen) return;
      const isRefused = !live.hasBegun && isNotOffered(error);
      if (isRefused && !this.#mayBeOffered) return yield* this.#singly(error);
      const minMs = error === undefined || isRefused ? 0 : retryDelayMs(error);
      if (minMs === undefined) throw error;
      const isAtOnce = clock.nowMs() - live.startMs < AT_ONCE_MS;
      // One that only begins and ends, over and over, is asked for less and less often.
      if (live.hasBegun && (hasData || !isAtOnce)) backoff.reset();
      if (error === undefined && live.hasBegun && !isAtOnce) continue;
      const delayMs = backoff.next(minMs);
      if (!budget.allows(delayMs, clock.nowMs())) throw error ?? silence(live);
      await sleep(clock, delayMs, signal);
    }
  }

  /** Nothing else follows patterns: a server that has done so may do it again, as after an update. */
  get #mayBeOffered(): boolean {
    return this.#hasBegun && this.#patterns.length > 0;
  }

  get #isOpen(): boolean {
    return this.#patterns.length > 0 || this.#places.size > 0;
  }

  #connect(attempt: number): LiveConnection {
    this.#hasLeftOut = false;
    const { timeoutMs, liveTimeoutMs } = this.#connection;
    const options = {
      timeoutMs,
      firstEventMs: liveTimeoutMs,
      attempt,
      signal: this.#options.signal,
    };
    return new LiveConnection(this.#connection, this.#set(), options);
  }

  #set(): LiveSet {
    const { patternOffset = START } = this.#options;
    // Streams of a pattern that weren't there before are to be read from their start.
    const offset = this.#hasBegun ? START : patternOffset;
    return {
      streams: [...this.#places].map(([stream, place]) => ({ stream, offset: place.offset })),
      patterns: this.#patterns.map((pattern) => ({ pattern, offset })),
      ended: [...this.#ended].map(([stream, offset]) => ({ stream, offset })),
    };
  }

  *#take(event: LiveEvent, live: LiveConnection): Generator<LiveMessage, undefined> {
    switch (event.type) {
      case "added": {
        const { stream, offset, contentType } = event.added;
        const place = this.#places.get(stream);
        this.#types.set(stream, contentType);
        this.#places.set(stream, { offset, skip: place?.skip ?? 0 });
        this.#ended.delete(stream);
        if (place === undefined || place.offset === NOW) this.#returned.set(stream, offset);
        return;
      }
      case "data": {
        const { stream, nextOffset, data, compactedUpTo } = event;
        const place = this.#places.get(stream);
        if (place === undefined) return;
        // What a place counted may be missing by now: rather once more than never.
        const start = compactedUpTo === undefined ? place : { ...place, skip: 0 };
        const isJson = isJsonType(this.#types.get(stream) ?? "");
        const { messages, end } = toBatch({ bodies: [data], isJson, start, nextOffset });
        this.#places.set(stream, end);
        const [first] = messages;
        if (first !== undefined) {
          first.missed = this.#missed.get(stream);
          this.#missed.delete(stream);
        }
        for (const message of messages) {
          this.#returned.set(stream, message.offset);
          yield { stream, message };
        }
        return;
      }
      case "closed":
        this.#end(event.stream, event.nextOffset);
        this.#takeInLeftOut(live);
        return;
      case "error":
        this.#fail(event.stream, event.error, live);
    }
  }

  #end(stream: string, offset: string): void {
    this.#forget(stream);
    if (!this.#named.has(stream)) this.#returned.delete(stream);
    if (this.#patterns.length === 0) return;
    // A pattern may mean one that was named, too.
    this.#ended.set(stream, offset);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > ENDED_LIMIT && oldest !== undefined) this.#ended.delete(oldest);
  }

  #forget(stream: string): void {
    this.#places.delete(stream);
    this.#types.delete(stream);
    this.#missed.delete(stream);
  }

  #fail(stream: string | undefined, error: ClientError, live: LiveConnection): void {
    const name = stream ?? "";
    const place = this.#places.get(name);
    if (place !== undefined && isTransient(error)) return this.#tryAgain(name, error, live);
    if (place !== undefined && this.#skipTrimmed(name, place, error)) {
      return this.#goOn(name, live);
    }
    const isNamed = this.#named.has(name);
    if (place !== undefined) {
      this.#forget(name);
      this.#takeInLeftOut(live);
    } else if (error.serverCode === TOO_MANY_STREAMS) {
      this.#hasLeftOut = true;
    } else if (isTransient(error)) {
      // The streams of a pattern: only another connection looks for all of them again.
      return this.#later(PATTERN_RETRY_MS, () => live.cancel());
    }
    const isDeleted = error.code === "not_found" || error.code === "gone";
    if (place !== undefined && !isNamed && isDeleted) {
      this.#returned.delete(name);
      return;
    }
    const { onError } = this.#options;
    if (onError === undefined) throw error;
    onError(name, error);
  }

  #tryAgain(stream: string, error: ClientError, live: LiveConnection): void {
    this.#later(Math.max(RETRY_MS, error.retryAfterMs ?? 0), () => this.#goOn(stream, live));
  }

  /** Where streams of a pattern had no room, another connection takes them in once others have left. */
  #takeInLeftOut(live: LiveConnection): void {
    if (!this.#hasLeftOut) return;
    this.#hasLeftOut = false;
    this.#later(RETRY_MS, () => live.cancel());
  }

  #later(delayMs: number, run: () => void): void {
    const cancelTimer = this.#connection.clock.setTimer(delayMs, () => {
      this.#cancelTimers.delete(cancelTimer);
      run();
    });
    this.#cancelTimers.add(cancelTimer);
  }

  /** Has the server follow a stream again that it has ended, from its place. */
  #goOn(stream: string, live: LiveConnection): void {
    const place = this.#places.get(stream);
    if (place === undefined) return;
    live.change([{ stream, offset: place.offset }], []).then(
      (isDone) => isDone || live.cancel(),
      () => live.cancel(),
    );
  }

  /** Moves a stream's place to what is still kept; false if it isn't to, or that is no reason. */
  #skipTrimmed(stream: string, place: Place, { code, earliestOffset }: ClientError): boolean {
    if (this.#options.trimmed !== "skip" || code !== "trimmed") return false;
    if (earliestOffset === undefined || earliestOffset === place.offset) return false;
    const missed = missedBetween(place, earliestOffset);
    this.#missed.set(stream, missedInAll(this.#missed.get(stream), missed));
    this.#places.set(stream, { offset: earliestOffset, skip: 0 });
    return true;
  }

  /** For a server that doesn't offer it. */
  async *#singly(reason: unknown): AsyncGenerator<LiveMessage, undefined> {
    if (this.#patterns.length > 0) {
      // One that has such codes offers it, and says what is wrong with the request.
      if (reason instanceof ClientError && reason.serverCode === "invalid_query") throw reason;
      throw new ClientError(
        "unsupported",
        "The server can't follow patterns: it isn't this project's, or an older one.",
        { cause: reason },
      );
    }
    const { onError, signal, maxElapsedMs, trimmed } = this.#options;
    const starts = [...this.#places].map(([path, place]) => ({ path, offset: formatPlace(place) }));
    const options = { signal, maxElapsedMs, trimmed };
    for await (const each of mergedReaders(this.#connection, starts, options)) {
      if ("message" in each) {
        this.#returned.set(each.stream, each.message.offset);
        yield each;
        continue;
      }
      const { stream, error } = each;
      if (onError === undefined || !(error instanceof ClientError)) throw error;
      onError(stream, error);
    }
  }
}

function silence({ isSilent }: LiveConnection): ClientError {
  return new ClientError(
    isSilent ? "timeout" : "network",
    `The connection ${isSilent ? "brought nothing for too long" : "ended before its first event"}.`,
  );
}
