import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import type { TimeoutReason } from "./connection_counts.ts";
import type { SendMore } from "../env/send_more.ts";
import { ResponseWriter } from "./response_writer.ts";
import type { ChunkEncoder } from "./chunk_encoder.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import { type Handler, type HttpResponse, isLiveBody, type Peer } from "./handler.ts";
import { ParseError } from "./parse_error.ts";
import { IncomingBody } from "./incoming_body.ts";
import { asBuffer, partOf } from "./input.ts";
import { type ClientAbortSignal, IncomingRequest } from "./incoming_request.ts";
import { WriteQueue } from "./write_queue.ts";
import { type ConnectionState, nextState } from "./connection_state.ts";
import { ConnectionTimeouts, type TimeoutLimits, type WaitingFor } from "./connection_timeouts.ts";
import { nameRequest } from "./request_id.ts";
import { HeadReader } from "./head_reader.ts";
import { couldBeHead, malformedLine, type RequestHead } from "./request_head.ts";
import type { RequestUrls } from "./request_url.ts";
import type { Socket } from "./socket.ts";

const log = getLogger(["durable-streams", "http"]);

const NOTHING = Buffer.alloc(0);
/** Input that comes while a request is being answered is kept up to this; then the client has to wait. */
const PIPELINED_LIMIT_BYTES = 64 * 1024;
/** No request is taken while this much of earlier responses is unread. */
const UNREAD_LIMIT_BYTES = 256 * 1024;
/** Pipelined input is discarded once the client has had to wait for this many ticks. */
const PAUSED_TICKS = 1;

/** The parts that all connections of a listener share. */
export interface ConnectionParts {
  readonly handler: Handler;
  readonly urls: RequestUrls;
  readonly chunks: ChunkEncoder;
  /** The `Date` header's value. */
  date(): string;
  /** Longer heads are rejected. */
  readonly headLimitBytes: number;
  /** How long clients may take. */
  readonly timeouts: TimeoutLimits;
  /** How much the system holds for a socket that its client hasn't taken; 0 where that isn't known. */
  heldBytes(descriptor: number): number;
  readonly sendMore: SendMore | undefined;
  /** Whether the sockets encrypt. */
  readonly isEncrypted: boolean;
  /** Whether the server stops: no request is taken after those that are being answered. */
  isStopping(): boolean;
  /** Told of a client that has taken too long, before its connection ends for it. */
  timedOut(reason: TimeoutReason): void;
}

/** One request and how its response gets back. */
interface Exchange {
  /** Dropped once the response begins, as the head is: one that goes on for hours needs neither. */
  request: IncomingRequest | undefined;
  head: RequestHead | undefined;
  /** Aborted when the client disconnects. */
  signal: ClientAbortSignal | undefined;
  /** The body, where it didn't come with the head. */
  readonly body: IncomingBody | undefined;
  readonly chunked: ChunkedDecoder | undefined;
  /** How much of a body with a length is still to come. */
  leftBytes: number;
  /** Whether the client holds the body back until it is asked for. */
  awaitsContinue: boolean;
}

/**
 * One client's connection (RFC 9112): its requests are answered one after the other, in their order.
 */
export class Connection implements Peer {
  client: object | undefined;
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #queue: WriteQueue;
  readonly #writer: ResponseWriter;
  /** The input, read up to {@link #at}. */
  #input: Buffer = NOTHING;
  #at = 0;
  #exchange: Exchange | undefined;
  #state: ConnectionState = "reading head";
  /** Whether {@link #read} is under way: a response that is there at once calls it in the middle of itself. */
  #isReading = false;
  /** Whether the socket is, as it can be in any state before `discarding`. */
  #isPaused = false;
  readonly #timeouts: ConnectionTimeouts;
  readonly #heads = new HeadReader();
  /** Whether the system may still hold some of what was sent. */
  #mayHold = false;
  /** How many bytes of empty lines came before a head. */
  #emptyBytes = 0;
  /** For how many ticks the client has had to wait with what it sends. */
  #pausedTicks = 0;
  #peerAddress: string | undefined;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#timeouts = new ConnectionTimeouts(parts.timeouts);
    this.#queue = new WriteQueue(socket, parts.sendMore, parts.isEncrypted);
    this.#writer = new ResponseWriter(this.#queue, parts, {
      finished: (keepsAlive) => this.#finish(keepsAlive),
      destroy: () => this.terminate(),
    });
  }

  /** The client's address, empty where it has none. A socket makes it anew each time. */
  get peerAddress(): string {
    return this.#peerAddress ??= this.#socket.remoteAddress ?? "";
  }

  /** Whether a request is being answered. */
  get isBusy(): boolean {
    return this.#exchange !== undefined || this.#queue.queuedBytes > 0;
  }

  /** Takes input from the client. */
  received(bytes: Uint8Array): void {
    this.#timeouts.noteActivity();
    if (!this.#takesInput) return;
    const input = asBuffer(bytes);
    const isRead = this.#unreadBytes === 0;
    this.#input = isRead ? input : Buffer.concat([this.#input.subarray(this.#at), input]);
    this.#at = 0;
    this.#read();
  }

  /** The client has room again. */
  drained(): void {
    this.#timeouts.noteActivity();
    try {
      this.#queue.drain();
    } catch (error) {
      return this.#fail(error);
    }
    this.#writer.drained();
    if (this.#isClosing && this.#queue.queuedBytes === 0) this.#sendEnd();
    else this.#read();
  }

  /** The client has disconnected. */
  closed(): void {
    if (this.#state === "closed") return;
    this.#become("closed");
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#writer.disconnected();
    exchange?.body?.fail(new Error("The connection ended before the body did."));
    (exchange?.signal ?? exchange?.request?.signalIfUsed)?.abort();
  }

  /** Responds before there is a request, and ends the connection. */
  reject(response: HttpResponse): void {
    this.#discardInput();
    this.#writer.write(response, undefined, false);
  }

  /** Ends the connection if nothing is under way. */
  endIfIdle(): void {
    if (this.#state === "reading head" && !this.isBusy) this.#close();
  }

  /** Checks whether the client has taken too long; called at each tick. */
  tick(): void {
    if (this.#state === "closed") return;
    const heldBytes = (this.#mayHold ? this.#parts.heldBytes(this.#socket.fd) : 0) +
      (this.#socket.heldBytes ?? 0);
    this.#mayHold = heldBytes > 0 || this.#exchange !== undefined;
    this.#checkDisconnect();
    const { sentBytes, queuedBytes } = this.#queue;
    const waitsFor = this.#waitingFor;
    switch (this.#timeouts.tick(waitsFor, { sentBytes, queuedBytes, heldBytes })) {
      case "reject its head":
        this.#parts.timedOut("head");
        return this.#rejectRequest(new ParseError(408, "The request's head was not here in time."));
      case "close":
        this.#parts.timedOut("idle");
        return this.#close();
      case "terminate":
        this.#parts.timedOut(waitsFor === "its end" ? "end" : "unread");
        return this.terminate();
    }
  }

  get #waitingFor(): WaitingFor {
    if (this.#exchange !== undefined) return "response";
    if (this.#state !== "reading head") return "its end";
    const hasBegun = this.#unreadBytes + this.#emptyBytes > 0;
    return hasBegun && this.#isAwaitingHead ? "head" : "next request";
  }

  /**
   * A client that isn't read from can't be seen to disconnect. One that has sent that much ahead, and has
   * a response to wait for that doesn't come at once, is answered and then has to connect again for the
   * rest.
   */
  #checkDisconnect(): void {
    if (!this.#isPaused || this.#state !== "responding") this.#pausedTicks = 0;
    else if (++this.#pausedTicks > PAUSED_TICKS) this.#discardInput();
  }

  #become(state: ConnectionState): void {
    this.#state = nextState(this.#state, state);
  }

  get #takesInput(): boolean {
    const state = this.#state;
    return state === "reading head" || state === "reading body" || state === "responding";
  }

  get #isClosing(): boolean {
    return this.#state === "closing" || this.#state === "half-closing";
  }

  #discardInput(): void {
    this.#become("discarding");
    this.#forgetInput();
    this.#applyBackpressure();
  }

  #forgetInput(): void {
    this.#input = NOTHING;
    this.#at = 0;
  }

  get #isAwaitingHead(): boolean {
    return this.#state === "reading head" && this.#queue.queuedBytes < UNREAD_LIMIT_BYTES;
  }

  get #unreadBytes(): number {
    return this.#input.length - this.#at;
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#unreadBytes > 0 && this.#readSome());
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isReading = false;
    }
    if (this.#unreadBytes === 0) this.#forgetInput();
    this.#applyBackpressure();
  }

  /** False where there is nothing to do before more input, or before a response. */
  #readSome(): boolean {
    if (this.#state === "reading head") return this.#isAwaitingHead && this.#readHead();
    const exchange = this.#exchange;
    if (this.#state !== "reading body" || exchange?.body === undefined) return false;
    this.#readBody(exchange, exchange.body);
    return true;
  }

  #readBody(exchange: Exchange, body: IncomingBody): void {
    exchange.awaitsContinue = false;
    const { chunked } = exchange;
    const from = this.#at;
    // The handler may respond in the middle of it, and then nothing more is read.
    if (chunked !== undefined) {
      const input = partOf(this.#input, from, this.#input.length);
      const used = chunked.decode(input, (data, start, end) => body.write(data, start, end));
      if (this.#isReadingBody) this.#at = from + used;
    } else {
      const end = Math.min(from + exchange.leftBytes, this.#input.length);
      const part = partOf(this.#input, from, end);
      exchange.leftBytes -= part.length;
      this.#at = end;
      body.write(part, 0, part.length);
    }
    const isWhole = chunked === undefined ? exchange.leftBytes === 0 : chunked.isDone;
    if (!isWhole || !this.#isReadingBody) return;
    this.#become("responding");
    body.end();
  }

  get #isReadingBody(): boolean {
    return this.#state === "reading body";
  }

  #readHead(): boolean {
    this.#skipEmptyLines();
    const { headLimitBytes } = this.#parts;
    const input = this.#input;
    const leftBytes = headLimitBytes - this.#emptyBytes;
    const head = this.#heads.read(input, this.#at, leftBytes);
    if (head === undefined) {
      if (this.#unreadBytes > leftBytes) {
        throw new ParseError(431, `The request's head is longer than ${headLimitBytes} bytes.`);
      }
      const text = input.toString("latin1", this.#at);
      if (text === "\r" || couldBeHead(text)) return false;
      throw malformedLine();
    }
    const url = this.#parts.urls.of(head.target, head.headers.get("host"));
    this.#at = this.#heads.end;
    this.#emptyBytes = 0;
    this.#timeouts.headEnded();
    this.#begin(head, url);
    return true;
  }

  /** Some old clients send one after a body (RFC 9112 §2.2). */
  #skipEmptyLines(): void {
    while (this.#input[this.#at] === 13 && this.#input[this.#at + 1] === 10) {
      this.#at += 2;
      this.#emptyBytes += 2;
    }
  }

  #begin(head: RequestHead, url: string): void {
    const { bodyBytes } = head;
    const isWhole = bodyBytes !== undefined && bodyBytes <= this.#unreadBytes;
    const bodyEnd = this.#at + (isWhole ? bodyBytes : 0);
    const whole = bodyEnd > this.#at ? partOf(this.#input, this.#at, bodyEnd) : undefined;
    this.#at = bodyEnd;
    const body = isWhole ? undefined : new IncomingBody();
    const request = new IncomingRequest(head, url, whole, body, this);
    const exchange: Exchange = {
      head,
      request,
      signal: undefined,
      body,
      chunked: bodyBytes === undefined ? new ChunkedDecoder() : undefined,
      leftBytes: bodyBytes ?? 0,
      awaitsContinue: head.expectsContinue && this.#unreadBytes === 0,
    };
    if (body !== undefined) body.onPull = () => this.#pull(exchange);
    this.#exchange = exchange;
    this.#become(isWhole ? "responding" : "reading body");
    this.#parts.handler(request, (response) => this.#respond(exchange, response));
  }

  #pull(exchange: Exchange): void {
    if (exchange.awaitsContinue && exchange.head !== undefined) {
      this.#queue.send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    this.#applyBackpressure();
  }

  #respond(exchange: Exchange, response: HttpResponse): void {
    const { head, request } = exchange;
    if (this.#exchange !== exchange || head === undefined || request === undefined) {
      return this.#writer.discard(response);
    }
    exchange.signal = request.signalIfUsed;
    exchange.request = undefined;
    exchange.head = undefined;
    if (isLiveBody(response.body)) this.#heads.forget();
    // The rest of a body would have to be read before the next request.
    if (this.#isReadingBody) this.#discardInput();
    const keepsAlive = head.keepsAlive && this.#state !== "discarding" &&
      response.headers["connection"] !== "close" &&
      !this.#parts.isStopping();
    this.#mayHold = true;
    try {
      this.#writer.write(nameRequest(response, request), head, keepsAlive);
    } catch (error) {
      log.error("a response can't be sent", { error });
      this.terminate();
    }
  }

  #finish(keepsAlive: boolean): void {
    if (this.#state === "closed") return;
    this.#exchange = undefined;
    this.#timeouts.noteActivity();
    if (!keepsAlive || this.#state === "discarding" || this.#parts.isStopping()) {
      return this.#close();
    }
    this.#become("reading head");
    this.#read();
  }

  #fail(error: unknown): void {
    if (error instanceof ParseError) return this.#rejectRequest(error);
    log.error("request failed", { error });
    this.terminate();
  }

  #rejectRequest(error: ParseError): void {
    if (this.#state === "reading head") return this.reject(error.toResponse());
    // A request that is answered already gets no second response.
    if (!this.#isReadingBody) return;
    this.#discardInput();
    // The handler waits for the body, and responds that it isn't whole.
    this.#exchange?.body?.fail(error);
  }

  /** Reads only where somebody takes the input. */
  #applyBackpressure(): void {
    const isFull = this.#isFull;
    if (isFull === this.#isPaused || this.#state === "closed") return;
    this.#isPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  get #isFull(): boolean {
    switch (this.#state) {
      case "reading head":
        return !this.#isAwaitingHead && this.#unreadBytes > PIPELINED_LIMIT_BYTES;
      case "reading body":
        return this.#exchange?.body?.needsMore === false;
      case "responding":
        return this.#unreadBytes > PIPELINED_LIMIT_BYTES;
      default:
        return false;
    }
  }

  #close(): void {
    this.#become(this.#state === "discarding" ? "half-closing" : "closing");
    this.#forgetInput();
    this.#applyBackpressure();
    if (this.#queue.queuedBytes === 0) this.#sendEnd();
  }

  #sendEnd(): void {
    const isHalfClosing = this.#state === "half-closing";
    this.#become("ended");
    this.#timeouts.noteActivity();
    if (isHalfClosing) this.#socket.shutdown();
    else this.#socket.end();
  }

  /** Ends the connection at once. */
  terminate(): void {
    if (this.#state === "closed") return;
    this.#socket.terminate();
    this.closed();
  }
}
