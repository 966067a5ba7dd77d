import type { Bytes } from "../../protocol/bytes.ts";
import { essence } from "../../protocol/content_type.ts";
import { linkAborts } from "../transport/abort_link.ts";
import type { Connection, OutgoingRequest } from "../transport/connection.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import { type SseEvent, SseParser } from "./sse_parser.ts";

/** How an {@link EventStream} is opened. */
export interface EventStreamOptions {
  /** The request, without its signal. */
  request: Pick<OutgoingRequest, "method" | "url" | "headers" | "body">;
  /** How long the head of the response may take, in ms. */
  timeoutMs: number;
  /** How long the first event may take that says where the reader is, in ms after the request. */
  firstEventMs: number;
  /** The number of the reader's attempt. */
  attempt: number;
  /** Aborting it ends the connection, even between two reads. */
  signal: AbortSignal | undefined;
}

/** The event by which a server ends a response whose reader's right is over; an extension. */
const CREDENTIAL_EXPIRED = "credential-expired";

/** One response of server-sent events, from its request to its end. */
export class EventStream {
  /** The time of the request, in ms since 1970. */
  readonly startMs: number;
  readonly #connection: Connection;
  readonly #options: EventStreamOptions;
  readonly #controller = new AbortController();
  readonly #unlink: () => void;
  readonly #parser = new SseParser();
  #chunks: ReadableStreamDefaultReader<Bytes> | undefined;
  #tokenIsOver = () => {};
  /** The head of the response, once it is here. */
  headers = new Headers();
  /** Whether an event has come that says where the reader is. */
  hasBegun = false;
  /** Whether it was ended because nothing arrived for too long. */
  isSilent = false;
  /** Whether the server ended it because the reader's token is over. */
  isExpired = false;

  constructor(connection: Connection, options: EventStreamOptions) {
    this.startMs = connection.clock.nowMs();
    this.#connection = connection;
    this.#options = options;
    // Before the transport's own listener, so that the body is cancelled with any transport.
    this.#controller.signal.addEventListener("abort", () => this.#onAbort());
    this.#unlink = linkAborts([options.signal], this.#controller);
  }

  /** Whether it ended in the middle of an event. */
  get isMidEvent(): boolean {
    return this.#parser.isMidEvent;
  }

  /**
   * The events of the next chunk; `undefined` once the connection has ended for whatever reason.
   *
   * @throws {ClientError} if the response isn't one of events
   */
  async next(): Promise<SseEvent[] | undefined> {
    this.#chunks ??= await this.#open();
    if (this.isExpired) {
      this.cancel();
      return undefined;
    }
    const chunk = await this.#read(this.#chunks);
    if (chunk === undefined) return undefined;
    const events = this.#parser.push(chunk);
    if (events.some(({ type }) => type === CREDENTIAL_EXPIRED)) {
      this.isExpired = true;
      this.#tokenIsOver();
    }
    return events;
  }

  /** Disconnects; a pending `next` ends. */
  cancel(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  #onAbort(): void {
    this.#unlink();
    this.#chunks?.cancel().catch(() => {});
  }

  async #open(): Promise<ReadableStreamDefaultReader<Bytes>> {
    const { request, timeoutMs, attempt } = this.#options;
    const { headers, stream, tokenIsOver = () => {} } = await this.#connection.send({
      ...request,
      signal: this.#controller.signal,
      timeoutMs,
      streaming: true,
      repeatable: true,
      retriedByCaller: true,
      attempt,
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
    this.headers = headers;
    return stream.getReader();
  }

  /** The next chunk; `undefined` at the end, if the connection breaks, and after too long a silence. */
  async #read(chunks: ReadableStreamDefaultReader<Bytes>): Promise<Bytes | undefined> {
    const { clock, liveTimeoutMs } = this.#connection;
    const firstEventMs = this.startMs + this.#options.firstEventMs - clock.nowMs();
    const limitMs = this.hasBegun ? liveTimeoutMs : Math.min(liveTimeoutMs, firstEventMs);
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
}
