import { nextCursor } from "../protocol/cursor.ts";
import { StreamError } from "../protocol/errors.ts";
import {
  STREAM_CLOSED,
  STREAM_CURSOR,
  STREAM_NEXT_OFFSET,
  STREAM_UP_TO_DATE,
} from "../protocol/headers.ts";
import { formatOffset } from "../protocol/offset.ts";
import type { ReadResult } from "../storage/storage.ts";
import { answerChunk } from "./chunk.ts";
import type { ReadQuery } from "./read_query.ts";
import { COMMON_HEADERS, type HeaderFields, NO_STORE } from "./response.ts";
import type { Serving } from "./serving.ts";

/** GET live=long-poll: data at once where there is some, else when it comes (PROTOCOL §5.7). */
export async function longPoll(
  serving: Serving,
  request: Request,
  name: string,
  query: ReadQuery,
): Promise<Response> {
  const first = await serving.storage.read(name, query.from, serving.config.chunkBytes);
  const chunk = hasNews(first) ? first : await waitForNews(serving, request, name, first);
  const cursor = nextCursor(query.cursor, serving.clock.nowMs());
  return chunk.data.length > 0
    ? answerChunk(serving, request, name, chunk, query, cursor)
    : answerNothing(chunk, cursor);
}

function hasNews(chunk: ReadResult): boolean {
  return chunk.data.length > 0 || chunk.closed;
}

async function waitForNews(
  serving: Serving,
  request: Request,
  name: string,
  first: ReadResult,
): Promise<ReadResult> {
  const { storage, config, clock, liveReaders } = serving;
  const waiting = new Waiting();
  const leave = liveReaders.enter(() => waiting.end());
  const waitMs = Math.min(config.longPollTimeoutMs, first.expiresAtMs - clock.nowMs());
  const cancelTimer = clock.setTimer(Math.max(0, waitMs), () => waiting.end());
  const onGone = () => waiting.end();
  request.signal.addEventListener("abort", onGone);
  if (liveReaders.isStopping || request.signal.aborted) waiting.end();
  const watch = await storage.watch(name, () => waiting.wake()).catch((error) => {
    leave();
    cancelTimer();
    throw error;
  });
  try {
    // Read after the watch is set: what came in between is seen here.
    let chunk = await readOn(serving, name, first);
    while (!hasNews(chunk) && !waiting.ended) {
      await waiting.news();
      chunk = await readOn(serving, name, first);
    }
    return chunk;
  } finally {
    watch.cancel();
    cancelTimer();
    leave();
    request.signal.removeEventListener("abort", onGone);
  }
}

/** The next chunk of the same stream: one that was made again under its name is another. */
async function readOn(serving: Serving, name: string, first: ReadResult): Promise<ReadResult> {
  const chunk = await serving.storage.read(name, first.start, serving.config.chunkBytes);
  if (chunk.id === first.id) return chunk;
  throw new StreamError({ code: "not_found" }, "The stream was deleted while the read waited.");
}

function answerNothing(chunk: ReadResult, cursor: number): Response {
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    [STREAM_NEXT_OFFSET]: formatOffset(chunk.tail),
    [STREAM_UP_TO_DATE]: "true",
    [STREAM_CURSOR]: String(cursor),
  };
  if (chunk.closed) headers[STREAM_CLOSED] = "true";
  return new Response(null, { status: 204, headers });
}

/** A reader that sleeps until there is news, or for good. */
class Waiting {
  ended = false;
  #news = false;
  #wakeUp: (() => void) | undefined;

  wake(): void {
    this.#news = true;
    this.#wakeUp?.();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async news(): Promise<void> {
    if (!this.#news) await new Promise<void>((resolve) => this.#wakeUp = resolve);
    this.#news = false;
  }
}
