import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import { essence } from "../../protocol/content_type.ts";
import { STREAM_SSE_DATA_ENCODING } from "../../protocol/headers.ts";
import { linkAborts } from "../transport/abort_link.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import { SseParser } from "./sse_parser.ts";

/** What a control event tells, and the data that came before it (PROTOCOL §5.8). */
export interface SseGroup {
  bodies: Bytes[];
  nextOffset: string;
  cursor: string | undefined;
  upToDate: boolean;
  closed: boolean;
}

/** How an {@link SseConnection} is opened. */
export interface SseConnectionOptions {
  url: string;
  /** How long the answer's head may take, in ms. */
  timeoutMs: number;
  /** When the first control event has to be there, in ms after the request. */
  firstEventMs: number;
  /** Which attempt of the reader it is. */
  attempt: number;
  /** Ends it, also while nobody reads. */
  signal: AbortSignal | undefined;
}

/** One SSE answer, from its request to its end. */
export class SseConnection {
  /** When it was asked for, in ms since 1970. */
  readonly startMs: number;
  readonly #connection: Connection;
  readonly #options: SseConnectionOptions;
  readonly #controller = new AbortController();
  readonly #unlink: () => void;
  readonly #parser = new SseParser();
  #chunks: ReadableStreamDefaultReader<Bytes> | undefined;
  #isBase64 = false;
  #bodies: Bytes[] = [];
  #groups: SseGroup[] = [];
  /** Whether a control event has come. */
  hasControl = false;
  /** Whether it was given up because nothing came any more. */
  isSilent = false;

  constructor(connection: Connection, options: SseConnectionOptions) {
    this.startMs = connection.clock.nowMs();
    this.#connection = connection;
    this.#options = options;
    // Before the transport's own listener, so that the body is cancelled whatever sends.
    this.#controller.signal.addEventListener("abort", () => this.#onAbort());
    this.#unlink = linkAborts([options.signal], this.#controller);
  }

  /** Whether it ended in the middle of something. */
  get isMidEvent(): boolean {
    return this.#parser.isMidEvent || this.#bodies.length > 0;
  }

  /**
   * What comes next; `undefined` once it has ended, however that happened.
   *
   * @throws {ClientError} what answered isn't an SSE connection to a server of this protocol
   */
  async next(): Promise<SseGroup | undefined> {
    this.#chunks ??= await this.#open();
    while (true) {
      const group = this.#groups.shift();
      if (group !== undefined) return group;
      const chunk = await this.#read(this.#chunks);
      if (chunk === undefined) return undefined;
      for (const { type, data } of this.#parser.push(chunk)) {
        if (type === "data") this.#bodies.push(this.#isBase64 ? decodeBase64(data) : data);
        if (type === "control") this.#groups.push(this.#group(data));
      }
    }
  }

  /** Hangs up; a `next` that waits ends. */
  cancel(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  #onAbort(): void {
    this.#unlink();
    this.#chunks?.cancel().catch(() => {});
  }

  async #open(): Promise<ReadableStreamDefaultReader<Bytes>> {
    const { headers, stream } = await this.#connection.send({
      method: "GET",
      url: this.#options.url,
      signal: this.#controller.signal,
      timeoutMs: this.#options.timeoutMs,
      streaming: true,
      repeatable: true,
      retriedByCaller: true,
      attempt: this.#options.attempt,
    });
    const type = headers.get("content-type") ?? "";
    const { signal } = this.#controller;
    if (stream === undefined || signal.aborted || essence(type) !== "text/event-stream") {
      await stream?.cancel();
      signal.throwIfAborted();
      throw new MalformedResponse(
        `A read with live=sse was answered with Content-Type ${JSON.stringify(type)}.`,
      );
    }
    this.#isBase64 = headers.get(STREAM_SSE_DATA_ENCODING)?.toLowerCase() === "base64";
    return stream.getReader();
  }

  /** The next chunk; `undefined` at the end, where the connection broke, and after too long a silence. */
  async #read(chunks: ReadableStreamDefaultReader<Bytes>): Promise<Bytes | undefined> {
    const { clock, liveTimeoutMs } = this.#connection;
    const firstEventMs = this.startMs + this.#options.firstEventMs - clock.nowMs();
    const limitMs = this.hasControl ? liveTimeoutMs : Math.min(liveTimeoutMs, firstEventMs);
    const cancelTimer = clock.setTimer(Math.max(0, limitMs), () => {
      this.isSilent = true;
      this.cancel();
    });
    try {
      const { done, value } = await chunks.read();
      if (!done) return value;
    } catch {
      // A connection that breaks has ended, like any other.
    } finally {
      cancelTimer();
    }
    this.cancel();
    return undefined;
  }

  #group(control: Bytes): SseGroup {
    const told = parseControl(control);
    const bodies = this.#bodies;
    this.#bodies = [];
    this.hasControl = true;
    return { ...told, bodies };
  }
}

function parseControl(data: Bytes): Omit<SseGroup, "bodies"> {
  const text = decodeUtf8(data);
  try {
    const control: Record<string, unknown> = JSON.parse(text);
    const { streamNextOffset: nextOffset, streamCursor: cursor } = control;
    const closed = control["streamClosed"] === true;
    if (typeof nextOffset === "string" && nextOffset !== "") {
      return {
        nextOffset,
        cursor: typeof cursor === "string" ? cursor : undefined,
        upToDate: closed || control["upToDate"] === true,
        closed,
      };
    }
  } catch {
    // Not an object: as little use as one without an offset.
  }
  throw new ClientError(
    "invalid_response",
    `The control event ${JSON.stringify(text)} has no streamNextOffset.`,
  );
}

function decodeBase64(data: Bytes): Bytes {
  const text = decodeUtf8(data);
  let decoded: string;
  try {
    decoded = atob(text);
  } catch (error) {
    throw new MalformedResponse("A data event is not base64.", error);
  }
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < decoded.length; at++) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}
