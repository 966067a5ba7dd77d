import type { Permit } from "../../access/permit.ts";
import { hasPassed } from "../../env/clock.ts";
import { CallbackDeadline, DeadlineQueue } from "../../env/deadline_queue.ts";
import type { AbortSignalLike } from "../../http/handler.ts";
import { SSE_KEEP_ALIVE } from "../../protocol/sse.ts";
import { copyString } from "../../storage/copy_string.ts";
import type { MessageCount, ReadResult } from "../../storage/storage.ts";
import { watchPermit } from "../access/permit_end.ts";
import type { Counters } from "../common/counters.ts";
import { SseStream } from "./sse_stream.ts";
import type { LiveReaders } from "./readers.ts";
import type { ServerConfig } from "../common/options.ts";
import { SseReader } from "./sse_reader.ts";

const TICK_MS = 1000;
/**
 * No connection whose right ends does so sooner: the published client takes three that end within a second
 * for a proxy that buffers, and reads no further, without an error.
 */
const SHORTEST_MS = 1100;
/** A reader whose time is over has this long to take its queue. */
const GRACE_MS = 15_000;

/** What a connection begins with. */
export interface SseStart {
  readonly first: ReadResult;
  readonly cursor: number;
  /** How many messages come before the end of `first`, for who wants to know that of all that follows. */
  readonly count: MessageCount | undefined;
}

/**
 * All SSE connections of an app. Those that follow the same stream share its reads and frames, and all share
 * one timer: a reader costs a slot in a table, not a task.
 */
export class SseHub {
  readonly #config: ServerConfig;
  readonly #liveReaders: LiveReaders;
  readonly #counters: Counters;
  readonly #streams = new Map<number, SseStream>();
  readonly #readers = new Set<SseReader>();
  readonly #deadlines: DeadlineQueue;
  readonly #nextTick = new CallbackDeadline(() => this.#tick());

  constructor(config: ServerConfig, liveReaders: LiveReaders, counters: Counters) {
    this.#config = config;
    this.#counters = counters;
    this.#liveReaders = liveReaders;
    this.#deadlines = new DeadlineQueue(config.clock, TICK_MS);
  }

  /** How many connections there are. */
  get size(): number {
    return this.#readers.size;
  }

  /** How many follow a stream. @param id the stream's */
  countOf(id: number): number {
    return this.#streams.get(id)?.size ?? 0;
  }

  /**
   * A new connection: the body of its response.
   *
   * @param start what was read for it, with which the connection begins
   * @param permit the connection ends with it
   * @throws {StreamError} `too_many_readers`
   */
  open(
    name: string,
    { first, cursor, count }: SseStart,
    signal: AbortSignalLike,
    permit?: Permit,
  ): SseReader {
    const { clock, sseCloseAfterMs, sseBufferBytes } = this.#config;
    const nowMs = clock.nowMs();
    const reader = new SseReader({
      offset: first.start,
      cursor,
      hasOrdinals: count !== undefined,
      nowMs,
      closeAtMs: Math.min(nowMs + sseCloseAfterMs, first.expiresAtMs),
      limitBytes: sseBufferBytes,
    });
    const stream = this.#enter(reader, name, first, permit);
    signal.addEventListener("abort", () => reader.end(), { once: true });
    stream.deliver(first, [reader], count);
    if (this.#liveReaders.isStopping || signal.aborted) reader.end();
    else stream.follow(reader);
    return reader;
  }

  /** Makes the closures that live as long as the connection here, where none can keep `first` alive. */
  #enter(
    reader: SseReader,
    name: string,
    first: ReadResult,
    permit: Permit | undefined,
  ): SseStream {
    const { id } = first;
    const release = this.#liveReaders.enter(() => reader.end());
    this.#readers.add(reader);
    if (!this.#nextTick.isQueued) this.#deadlines.add(this.#nextTick, 1);
    const stream = this.#join(name, first, reader);
    let forgetPermit = () => {};
    let cancelEnd = () => {};
    reader.onEnd = () => {
      release();
      forgetPermit();
      cancelEnd();
      this.#readers.delete(reader);
      if (stream.remove(reader)) this.#streams.delete(id);
    };
    const { clock } = this.#config;
    forgetPermit = watchPermit(permit, clock, (reason) => {
      const leftMs = Math.min(reader.beganAtMs + SHORTEST_MS - clock.nowMs(), SHORTEST_MS);
      const last = stream.lastEvents(reader, reason, leftMs > 0);
      const end = () => {
        reader.send(last, clock.nowMs());
        reader.end();
      };
      if (leftMs <= 0) end();
      else cancelEnd = clock.setTimer(leftMs, end);
    });
    return stream;
  }

  #join(name: string, first: ReadResult, reader: SseReader): SseStream {
    let stream = this.#streams.get(first.id);
    if (stream === undefined) {
      stream = new SseStream(this.#config, copyString(name), first);
      this.#streams.set(first.id, stream);
    }
    stream.add(reader);
    return stream;
  }

  /** Comments for the quiet ones, an end for those whose time is over. */
  #tick(): void {
    const nowMs = this.#config.clock.nowMs();
    for (const reader of this.#readers) this.#checkTimeouts(reader, nowMs);
    if (this.#readers.size > 0) this.#deadlines.add(this.#nextTick, 1);
  }

  #checkTimeouts(reader: SseReader, nowMs: number): void {
    const { sseKeepAliveMs } = this.#config;
    if (reader.hasRoom) {
      if (nowMs >= reader.closeAtMs) reader.end();
      else if (hasPassed(sseKeepAliveMs, reader.sentAtMs, nowMs)) {
        reader.send(SSE_KEEP_ALIVE, nowMs);
      }
    } else if (nowMs >= reader.closeAtMs + GRACE_MS) {
      this.#counters.droppedReaders++;
      reader.destroy();
    }
  }
}
