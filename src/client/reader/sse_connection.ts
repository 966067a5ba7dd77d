import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import { essence } from "../../protocol/content_type.ts";
import { STREAM_SSE_DATA_ENCODING } from "../../protocol/headers.ts";
import { linkAborts } from "../transport/abort_link.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import { SseParser } from "./sse_parser.ts";

/** The content of a control event, and the data that came before it (PROTOCOL §5.8). */
export interface SseGroup {
  bodies: Bytes[];
  nextOffset: string;
  cursor: string | undefined;
  upToDate: boolean;
  closed: boolean;
  /** How many messages come before `nextOffset`, for who asks (an extension). */
  nextOrdinal: number | undefined;
  /** What is at `nextOffset` is kept no more: the first offset that can be read (an extension). */
  earliestOffset: string | undefined;
  /** Up to where messages are missing that newer ones of the same key stand for. */
  compactedUpTo: string | undefined;
}

/** How an {@link SseConnection} is opened. */
export interface SseConnectionOptions {
  url: string;
  /** How long the head of the response may take, in ms. */
  timeoutMs: number;
  /** How long the first control event may take, in ms after the request. */
  firstEventMs: number;
  /** The number of the reader's attempt. */
  attempt: number;
  /** Aborting it ends the connection, even between two reads. */
  signal: AbortSignal | undefined;
}

/** The event by which a server ends a response whose reader's right is over; an extension. */
const CREDENTIAL_EXPIRED = "credential-expired";

/** One SSE response, from its request to its end. */
export class SseConnection {
  /** The time of the request, in ms since 1970. */
  readonly startMs: number;
  readonly #connection: Connection;
  readonly #options: SseConnectionOptions;
  readonly #controller = new AbortController();
  readonly #unlink: () => void;
  readonly #parser = new SseParser();
  #chunks: ReadableStreamDefaultReader<Bytes> | undefined;
  #isBase64 = false;
  #tokenIsOver = () => {};
  #bodies: Bytes[] = [];
  #groups: SseGroup[] = [];
  /** Whether a control event has arrived. */
  hasControl = false;
  /** Whether it was ended because nothing arrived for too long. */
  isSilent = false;
  /** Whether the server ended it because the reader's token is over. */
  isExpired = false;

  constructor(connection: Connection, options: SseConnectionOptions) {
    this.startMs = connection.clock.nowMs();
    this.#connection = connection;
    this.#options = options;
    // Before the transport's own listener, so that the body is cancelled with any transport.
    this.#controller.signal.addEventListener("abort", () => this.#onAbort());
    this.#unlink = linkAborts([options.signal], this.#controller);
  }

  /** Whether it ended in the middle of an event or a group of events. */
  get isMidEvent(): boolean {
    return this.#parser.isMidEvent || this.#bodies.length > 0;
  }

  /**
   * The next group of events; `undefined` once the connection has ended for whatever reason.
   *
   * @throws {ClientError} if the response isn't SSE from a server of this protocol
   */
  async next(): Promise<SseGroup | undefined> {
    this.#chunks ??= await this.#open();
    while (true) {
      const group = this.#groups.shift();
      if (group !== undefined) return group;
      if (this.isExpired) {
        this.cancel();
        return undefined;
      }
      const chunk = await this.#read(this.#chunks);
      if (chunk === undefined) return undefined;
      for (const { type, data } of this.#parser.push(chunk)) {
        if (type === "data") this.#bodies.push(this.#isBase64 ? decodeBase64(data) : data);
        if (type === "control") this.#groups.push(this.#group(data));
        if (type === CREDENTIAL_EXPIRED) this.#expire();
      }
    }
  }

  /** Disconnects; a pending `next` ends. */
  cancel(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  #expire(): void {
    this.isExpired = true;
    this.#tokenIsOver();
  }

  #onAbort(): void {
    this.#unlink();
    this.#chunks?.cancel().catch(() => {});
  }

  async #open(): Promise<ReadableStreamDefaultReader<Bytes>> {
    const { headers, stream, tokenIsOver = () => {} } = await this.#connection.send({
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
    this.#tokenIsOver = tokenIsOver;
    this.#isBase64 = headers.get(STREAM_SSE_DATA_ENCODING)?.toLowerCase() === "base64";
    return stream.getReader();
  }

  /** The next chunk; `undefined` at the end, if the connection breaks, and after too long a silence. */
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
      // A broken connection counts as ended.
    } finally {
      cancelTimer();
    }
    this.cancel();
    return undefined;
  }

  #group(control: Bytes): SseGroup {
    const fields = parseControl(control);
    const bodies = this.#bodies;
    this.#bodies = [];
    this.hasControl = true;
    return { ...fields, bodies };
  }
}

function parseControl(data: Bytes): Omit<SseGroup, "bodies"> {
  const text = decodeUtf8(data);
  try {
    const control: Record<string, unknown> = JSON.parse(text);
    const { streamNextOffset: nextOffset, streamCursor: cursor } = control;
    const { streamNextOrdinal: nextOrdinal, earliestOffset, compactedUpTo } = control;
    const closed = control["streamClosed"] === true;
    if (typeof nextOffset === "string" && nextOffset !== "") {
      return {
        nextOffset,
        cursor: typeof cursor === "string" ? cursor : undefined,
        upToDate: closed || control["upToDate"] === true,
        closed,
        nextOrdinal: typeof nextOrdinal === "number" ? nextOrdinal : undefined,
        earliestOffset: typeof earliestOffset === "string" ? earliestOffset : undefined,
        compactedUpTo: typeof compactedUpTo === "string" ? compactedUpTo : undefined,
      };
    }
  } catch {
    // Rejected below, like an object without an offset.
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
