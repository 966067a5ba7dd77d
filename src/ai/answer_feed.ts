import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import { isServerOffset } from "../client/transport/place.ts";
import type { Clock } from "../env/clock.ts";
import { ChatError, INCOMPLETE_TEXT, SILENT_TEXT } from "./chat_error.ts";
import { headerOf, isInternal, isLastChunk, type UiMessageChunk } from "./ui_chunk.ts";

/** Where an answer comes from, and whom to tell of it. */
export interface AnswerFeedOptions {
  readonly client: Client;
  readonly path: string;
  readonly clock: Clock;
  /** How long the server may be away until the readers are told. */
  readonly maxOutageMs: number;
  /** Asks for the answer's end, since its tail has been at this offset for longer than its lease. */
  readonly onSilent: (offset: string) => Promise<void>;
  /** Called once nobody reads it any more, or it has ended. */
  readonly onUnused: () => void;
}

/** How often the tail has to be found unchanged before a writer is taken for dead. */
const PROOFS_OF_SILENCE = 2;

/**
 * One answer, from its first chunk on, for all who read it in this page: one connection, which ends with
 * the last of them.
 */
export class AnswerFeed {
  readonly #options: AnswerFeedOptions;
  readonly #chunks: UiMessageChunk[] = [];
  readonly #readers = new Set<() => void>();
  readonly #stop = new AbortController();
  #end: { readonly error: Error | undefined } | undefined;
  #isUnused = false;
  #leaseMs: number | undefined;
  #proofs = 0;
  #offset = "-1";
  #cancelCheck = () => {};

  constructor(options: AnswerFeedOptions) {
    this.#options = options;
    void this.#run();
  }

  /** The whole answer, and then what comes, until its end; an abort or a cancel leaves it. */
  read(signal: AbortSignal | undefined): ReadableStream<UiMessageChunk> {
    let taken = 0;
    let wake = () => {};
    const notify = () => wake();
    const leave = () => {
      signal?.removeEventListener("abort", onAbort);
      this.#readers.delete(notify);
      if (this.#readers.size === 0) this.#release();
    };
    let isLeft = false;
    const onAbort = () => {
      isLeft = true;
      wake();
      leave();
    };
    this.#readers.add(notify);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    return new ReadableStream<UiMessageChunk>({
      pull: async (controller) => {
        while (taken === this.#chunks.length && this.#end === undefined && !isLeft) {
          await new Promise<void>((resolve) => wake = resolve);
        }
        if (isLeft) return controller.close();
        const chunk = this.#chunks[taken];
        if (chunk !== undefined) {
          taken++;
          return controller.enqueue(chunk);
        }
        leave();
        if (this.#end?.error === undefined) controller.close();
        else controller.error(this.#end.error);
      },
      cancel: onAbort,
    }, { highWaterMark: 0 });
  }

  async #run(): Promise<void> {
    const { client, path, maxOutageMs } = this.#options;
    const reader = client.reader(path, { signal: this.#stop.signal, maxElapsedMs: maxOutageMs });
    try {
      for await (const message of reader) {
        this.#offset = message.offset;
        this.#take(message.json<UiMessageChunk>());
        if (this.#end !== undefined) return;
      }
      this.#finish(new ChatError("incomplete", INCOMPLETE_TEXT));
    } catch (error) {
      this.#finish(toPageError(error));
    }
  }

  #take(chunk: UiMessageChunk): void {
    const header = headerOf(chunk);
    if (header !== undefined) this.#leaseMs = header.leaseMs;
    this.#proofs = 0;
    this.#planCheck(this.#leaseMs);
    if (isInternal(chunk)) return;
    this.#chunks.push(chunk);
    if (isLastChunk(chunk)) this.#finish(undefined);
    else this.#notify();
  }

  #finish(error: Error | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#release();
    this.#notify();
  }

  #notify(): void {
    for (const notify of this.#readers) notify();
  }

  #release(): void {
    this.#cancelCheck();
    this.#stop.abort(new ClientError("ended", "Nobody reads the answer any more."));
    if (this.#isUnused) return;
    this.#isUnused = true;
    this.#options.onUnused();
  }

  #planCheck(delayMs: number | undefined): void {
    this.#cancelCheck();
    if (delayMs === undefined || this.#stop.signal.aborted) return;
    this.#cancelCheck = this.#options.clock.setTimer(delayMs, () => void this.#checkSilence());
  }

  /**
   * A silence counts only while the server is there and says that the answer's tail is where this reader
   * is: a page that was offline, or a server that was away, proves nothing about the writer.
   */
  async #checkSilence(): Promise<void> {
    const { client, path, onSilent } = this.#options;
    const offset = this.#offset;
    const { signal } = this.#stop;
    try {
      const { closed, nextOffset } = await client.head(path, { signal });
      const isUnchanged = !closed && nextOffset === offset && offset === this.#offset;
      this.#proofs = isUnchanged && isServerOffset(offset) ? this.#proofs + 1 : 0;
    } catch {
      this.#proofs = 0;
    }
    if (signal.aborted) return;
    if (this.#proofs >= PROOFS_OF_SILENCE) {
      try {
        await onSilent(offset);
        this.#proofs = 0;
      } catch {
        // Whoever could end it is gone, too. The page is told all the same.
        return this.#finish(new ChatError("silent", SILENT_TEXT));
      }
      if (signal.aborted) return;
    }
    this.#planCheck((this.#leaseMs ?? 0) / 2);
  }
}

/** A lost connection as `fetch` tells of it, by which the AI SDK knows that it may be resumed. */
function toPageError(error: unknown): Error {
  if (!(error instanceof ClientError)) {
    return error instanceof Error ? error : new Error(`${error}`);
  }
  const isAway = error.code === "network" || error.code === "timeout" ||
    error.code === "unavailable";
  if (isAway) return new TypeError(`network error: ${error.message}`, { cause: error });
  const isDeleted = error.code === "not_found" || error.code === "gone";
  return isDeleted ? new ChatError("incomplete", INCOMPLETE_TEXT, error) : error;
}
