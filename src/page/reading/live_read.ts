import { isJsonType } from "../../protocol/content_type.ts";
import { eventJson, readEvents, type ServerEvent } from "../api/events.ts";
import { pause, Pauses } from "../api/pause.ts";
import { ApiError, call, isAbort, token, tokenRefusal } from "../api/request.ts";
import { streamUrl } from "../api/config.ts";
import type { UnnumberedMessage } from "./message.ts";
import { type Content, splitMessages } from "./split.ts";

/** Where a read begins. */
export type ReadPlace =
  | { readonly offset: string }
  | { readonly time: string }
  | { readonly tail: number };

/** What a live read is doing. */
export type ReadState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** It waits until somebody wants more. */
  | { readonly kind: "held" }
  | { readonly kind: "retrying"; readonly reason: string }
  /** All of a closed stream has been read. */
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly error: ApiError };

/** What a live read tells. */
export interface LiveReadListener {
  onState(state: ReadState): void;
  onStart(start: string): void;
  /** @param isUpToDate whether the server had no more at that moment */
  onMessages(messages: readonly UnnumberedMessage[], next: string, isUpToDate: boolean): void;
  /** What came next was trimmed: it goes on where something is left. */
  onTrimmed(): void;
  /** Whether to stop reading for now: `wake` goes on. Asked after each answer. */
  shouldHold(): boolean;
}

interface Control {
  readonly streamNextOffset: string;
  readonly upToDate?: boolean;
  readonly streamClosed?: boolean;
  /** Where something is left, where what comes next was trimmed before it was sent. */
  readonly earliestOffset?: string;
}

/** An answer that ends sooner isn't asked for anew at once. */
const SHORT_ANSWER_MS = 1_000;

/** What a stream of this type holds. */
export function contentOf(contentType: string): Content {
  if (isJsonType(contentType)) return "json";
  return contentType.toLowerCase().startsWith("text/") ? "text" : "bytes";
}

/**
 * One stream, read live over server-sent events: begun again where it was when the connection ends, and held
 * (no connection at all) as long as nobody wants more.
 */
export class LiveRead {
  readonly #name: string;
  readonly #listener: LiveReadListener;
  readonly #end = new AbortController();
  #place: ReadPlace;
  readonly #content: Content;
  #isBase64 = false;
  #isEnded = false;
  #hasBegun = false;
  #data: readonly Uint8Array[] = [];
  #connection: AbortController | undefined;
  #wake: (() => void) | undefined;
  readonly #pauses = new Pauses();

  constructor(name: string, content: Content, place: ReadPlace, listener: LiveReadListener) {
    this.#name = name;
    this.#content = content;
    this.#place = place;
    this.#listener = listener;
    void this.#run();
  }

  /** Goes on, where it was held. */
  wake(): void {
    this.#wake?.();
  }

  /** Ends it for good. */
  close(): void {
    this.#end.abort();
    this.#connection?.abort();
    this.#wake?.();
  }

  get #isClosed(): boolean {
    return this.#end.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed && !this.#isEnded) {
      try {
        await this.#connect();
      } catch (error) {
        if (this.#isClosed) return;
        if (!isAbort(error) && !await this.#survives(error)) return;
      }
      if (!this.#isClosed && !this.#isEnded) await this.#holdWhileAsked();
    }
    if (this.#isEnded) this.#listener.onState({ kind: "ended" });
  }

  async #connect(): Promise<void> {
    const connection = new AbortController();
    this.#connection = connection;
    this.#data = [];
    this.#listener.onState({ kind: "connecting" });
    const beganMs = performance.now();
    const answer = await call(streamUrl(this.#name), {
      query: { ...this.#place, live: "sse" },
      signal: connection.signal,
    });
    if (this.#isClosed) return connection.abort();
    this.#begin(answer.headers);
    await readEvents(answer, (event) => this.#take(event, connection));
    const isShort = performance.now() - beganMs < SHORT_ANSWER_MS;
    if (isShort && !connection.signal.aborted) await this.#pause();
  }

  #skipTo(offset: string): void {
    this.#place = { offset };
    this.#listener.onTrimmed();
  }

  #begin(headers: Headers): void {
    this.#hasBegun = true;
    this.#isBase64 = headers.get("stream-sse-data-encoding") === "base64";
    this.#listener.onState({ kind: "live" });
    const start = headers.get("stream-next-offset") ?? "-1";
    this.#place = { offset: start };
    this.#listener.onStart(start);
  }

  #take(event: ServerEvent, connection: AbortController): void {
    // What it was held or ended before is read again, or never.
    if (this.#isClosed || connection.signal.aborted) return;
    if (event.type === "data") this.#data = event.data;
    if (event.type !== "control") return;
    const { streamNextOffset, upToDate, streamClosed, earliestOffset } = eventJson<Control>(event);
    if (earliestOffset !== undefined) return this.#skipTo(earliestOffset);
    const start = "offset" in this.#place ? this.#place.offset : "-1";
    const messages = splitMessages(this.#bytes(), this.#content, { start, end: streamNextOffset });
    this.#data = [];
    this.#place = { offset: streamNextOffset };
    this.#pauses.reset();
    this.#isEnded = streamClosed === true;
    this.#listener.onMessages(messages, streamNextOffset, upToDate === true);
    if (this.#isEnded || this.#listener.shouldHold()) connection.abort();
  }

  #bytes(): Uint8Array {
    const lines = this.#data;
    const [only] = lines;
    if (lines.length === 1 && only !== undefined) return this.#isBase64 ? fromBase64(only) : only;
    return joinLines(lines);
  }

  /** Whether it goes on after an error. */
  async #survives(error: unknown): Promise<boolean> {
    const problem = error instanceof ApiError ? error : new ApiError(0, "network", String(error));
    if (problem.status === 401 && token.value !== undefined) {
      this.#listener.onState({ kind: "retrying", reason: problem.message });
      await this.#untilAnotherToken();
      return true;
    }
    // Whoever asks for what was trimmed is told so; whoever was reading goes on.
    if (this.#hasBegun && problem.earliestOffset !== undefined) {
      this.#skipTo(problem.earliestOffset);
      return true;
    }
    if (!problem.isPassing) {
      this.#listener.onState({ kind: "failed", error: problem });
      return false;
    }
    this.#listener.onState({ kind: "retrying", reason: problem.message });
    await this.#pause(problem.retryAfterMs);
    return true;
  }

  /** The page asks for another token meanwhile: what was read stays, and is gone on with. */
  async #untilAnotherToken(): Promise<void> {
    let stop = () => {};
    await new Promise<void>((resolve) => {
      this.#end.signal.addEventListener("abort", () => resolve(), { once: true });
      stop = tokenRefusal.subscribe((refusal) => {
        if (refusal === undefined) resolve();
      });
    });
    stop();
  }

  /** Longer each time, until something comes. */
  async #pause(leastMs = 0): Promise<void> {
    await pause(this.#pauses.next(leastMs), this.#end.signal);
  }

  async #holdWhileAsked(): Promise<void> {
    while (this.#listener.shouldHold() && !this.#isClosed) {
      this.#listener.onState({ kind: "held" });
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

const decoder = new TextDecoder();
const LINE_FEED = 0x0a;

function fromBase64(text: Uint8Array): Uint8Array {
  return Uint8Array.from(atob(decoder.decode(text)), (character) => character.charCodeAt(0));
}

function joinLines(lines: readonly Uint8Array[]): Uint8Array {
  const length = lines.reduce((sum, line) => sum + line.length + 1, 0);
  const joined = new Uint8Array(Math.max(0, length - 1));
  let at = 0;
  for (const line of lines) {
    joined.set(line, at);
    at += line.length;
    if (at < joined.length) joined[at++] = LINE_FEED;
  }
  return joined;
}
