import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import { AnswerWriter } from "./response_writer.ts";
import type { ChunkEncoder } from "./chunk_encoder.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import type { Answer, Handler } from "./handler.ts";
import { HeadError } from "./parse_error.ts";
import { IncomingBody } from "./incoming_body.ts";
import { asBuffer, partOf } from "./input.ts";
import { type ClientDeparture, IncomingRequest } from "./incoming_request.ts";
import { Outbox } from "./write_queue.ts";
import { Patience, type PatienceLimits, type WaitsFor } from "./connection_timeouts.ts";
import { badLine, couldBeHead, parseHead, type RequestHead } from "./request_head.ts";
import type { RequestUrls } from "./request_url.ts";
import type { Socket } from "./socket.ts";

const log = getLogger(["durable-streams", "http"]);

const HEAD_END = Buffer.from("\r\n\r\n");
const NOTHING = Buffer.alloc(0);
/** What comes while a request is being answered is kept up to this; then the client has to wait. */
const AHEAD_LIMIT_BYTES = 64 * 1024;
/** No request is taken while so much of earlier answers lies unread. */
const UNREAD_LIMIT_BYTES = 256 * 1024;
/** What was sent ahead is thrown away after so many sweeps that the client had to wait. */
const PAUSED_SWEEPS = 1;

/** What all connections of a listener share. */
export interface ConnectionParts {
  readonly handler: Handler;
  readonly urls: RequestUrls;
  readonly chunks: ChunkEncoder;
  /** The `Date` header's value. */
  date(): string;
  /** Longer heads are refused. */
  readonly headLimitBytes: number;
  /** How long clients may take. */
  readonly patience: PatienceLimits;
  /** How much the system holds for a socket that its client hasn't taken; 0 where that can't be told. */
  heldBytes(descriptor: number): number;
  /** Whether no request is taken after the ones that are being answered. */
  isStopping(): boolean;
}

/** One request and the way of its answer. */
interface Exchange {
  /** Let go of once it is answered, as all that an answer which goes on for hours doesn't need. */
  request: IncomingRequest | undefined;
  head: RequestHead | undefined;
  /** Whom to tell that the client is gone. */
  departure: ClientDeparture | undefined;
  /** Where it didn't come with the head. */
  readonly body: IncomingBody | undefined;
  readonly chunked: ChunkedDecoder | undefined;
  /** Of a body that has a length: what is still to come. */
  leftBytes: number;
  /** Whether the client holds the body back until it is asked for. */
  awaitsContinue: boolean;
}

/**
 * One client's connection (RFC 9112): its requests are answered one after the other, in their order.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #outbox: Outbox;
  readonly #writer: AnswerWriter;
  /** What has come, read up to {@link #at}. */
  #input: Buffer = NOTHING;
  #at = 0;
  #exchange: Exchange | undefined;
  #isReading = false;
  #isPaused = false;
  /** No request is taken any more. */
  #isLeaving = false;
  /**
   * What the client goes on sending is thrown away, and the connection ends with the answer; closed under
   * what comes, the client would not see that.
   */
  #isInterrupted = false;
  #isShutDown = false;
  #isClosed = false;
  readonly #patience: Patience;
  /** Whether the system may still hold some of what was sent. */
  #mayHold = false;
  /** What came of empty lines before a head. */
  #emptyBytes = 0;
  /** For how many sweeps the client has had to wait with what it sends. */
  #pausedSweeps = 0;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#patience = new Patience(parts.patience);
    this.#outbox = new Outbox(socket);
    this.#writer = new AnswerWriter(this.#outbox, parts, {
      finished: (keepsAlive) => this.#finish(keepsAlive),
      cut: () => this.terminate(),
    });
  }

  /** Whether a request is being answered. */
  get isBusy(): boolean {
    return this.#exchange !== undefined || (this.#outbox.queuedBytes > 0 && !this.#isClosed);
  }

  /** Takes what the client sends. */
  received(bytes: Uint8Array): void {
    this.#patience.moved();
    if (this.#isLeaving || this.#isInterrupted) return;
    const input = asBuffer(bytes);
    const isRead = this.#unreadBytes === 0;
    this.#input = isRead ? input : Buffer.concat([this.#input.subarray(this.#at), input]);
    this.#at = 0;
    this.#read();
  }

  /** The client has room again. */
  drained(): void {
    this.#patience.moved();
    let isEmpty: boolean;
    try {
      isEmpty = this.#outbox.drain();
    } catch (error) {
      return this.#fail(error);
    }
    this.#writer.drained();
    if (isEmpty && this.#isLeaving) this.#shutDown();
    else this.#read();
  }

  /** The client is gone. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isLeaving = true;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#writer.gone();
    exchange?.body?.fail(new Error("The connection ended before the body did."));
    (exchange?.departure ?? exchange?.request?.departure)?.tell();
  }

  /** Answers before there is a request, and ends it. */
  turnAway(answer: Answer): void {
    this.#isInterrupted = true;
    this.#writer.write(answer, undefined, false);
  }

  /** Ends it if nothing is under way. */
  endIfIdle(): void {
    if (!this.isBusy && !this.#isClosed) this.#leave();
  }

  /** Looks whether the client has been quiet for too long; called from time to time. */
  sweep(): void {
    if (this.#isClosed) return;
    const heldBytes = (this.#mayHold ? this.#parts.heldBytes(this.#socket.fd) : 0) +
      (this.#socket.heldBytes ?? 0);
    this.#mayHold = heldBytes > 0 || this.#exchange !== undefined;
    this.#noticeDeparture();
    const { sentBytes, queuedBytes } = this.#outbox;
    switch (this.#patience.sweep(this.#waitsFor, { sentBytes, queuedBytes, heldBytes })) {
      case "refuse its head":
        return this.#refuse(new HeadError(408, "The request's head was not here in time."));
      case "leave":
        return this.#leave();
      case "terminate":
        return this.terminate();
    }
  }

  get #waitsFor(): WaitsFor {
    if (this.#isShutDown) return "its end";
    if (this.#exchange !== undefined) return "answer";
    const hasBegun = this.#unreadBytes + this.#emptyBytes > 0;
    return hasBegun && this.#isAwaitingHead ? "head" : "next request";
  }

  /**
   * Who isn't read from can't be seen to leave. Who has sent that much ahead, and has an answer to wait for
   * that doesn't come at once, is answered and then has to connect again for the rest.
   */
  #noticeDeparture(): void {
    const exchange = this.#exchange;
    if (!this.#isPaused || exchange === undefined || exchange.body?.isDone === false) {
      this.#pausedSweeps = 0;
    } else if (++this.#pausedSweeps > PAUSED_SWEEPS) {
      this.#isInterrupted = true;
      this.#forgetInput();
      this.#pace();
    }
  }

  #forgetInput(): void {
    this.#input = NOTHING;
    this.#at = 0;
  }

  get #isAwaitingHead(): boolean {
    return this.#exchange === undefined && this.#outbox.queuedBytes < UNREAD_LIMIT_BYTES;
  }

  get #unreadBytes(): number {
    return this.#input.length - this.#at;
  }

  #read(): void {
    // An answer that is there at once comes back here in the middle of it.
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (!this.#isLeaving && this.#unreadBytes > 0 && this.#readSome());
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isReading = false;
    }
    if (this.#unreadBytes === 0) this.#forgetInput();
    this.#pace();
  }

  /** False where there is nothing to do before more comes, or before an answer. */
  #readSome(): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined) return this.#isAwaitingHead && this.#readHead();
    const { body } = exchange;
    if (body === undefined || body.isDone) return false;
    this.#readBody(exchange, body);
    return true;
  }

  #readBody(exchange: Exchange, body: IncomingBody): void {
    exchange.awaitsContinue = false;
    const { chunked } = exchange;
    const from = this.#at;
    // Who takes the body may answer in the middle of it, and then nothing more is read.
    if (chunked !== undefined) {
      const input = partOf(this.#input, from, this.#input.length);
      const used = chunked.decode(input, (data, start, end) => body.write(data, start, end));
      if (!this.#isLeaving) this.#at = from + used;
    } else {
      const end = Math.min(from + exchange.leftBytes, this.#input.length);
      const part = partOf(this.#input, from, end);
      exchange.leftBytes -= part.length;
      this.#at = end;
      body.write(part, 0, part.length);
    }
    if (chunked === undefined ? exchange.leftBytes === 0 : chunked.isDone) body.end();
  }

  #readHead(): boolean {
    this.#skipEmptyLines();
    const { headLimitBytes } = this.#parts;
    const input = this.#input;
    const end = input.indexOf(HEAD_END, this.#at);
    if ((end < 0 ? input.length : end) - this.#at + this.#emptyBytes > headLimitBytes) {
      throw new HeadError(431, `The request's head is longer than ${headLimitBytes} bytes.`);
    }
    if (end < 0) {
      const text = input.toString("latin1", this.#at);
      if (text === "\r" || couldBeHead(text)) return false;
      throw badLine();
    }
    const head = parseHead(input.toString("latin1", this.#at, end));
    const url = this.#parts.urls.of(head.target, head.headers.get("host"));
    this.#at = end + HEAD_END.length;
    this.#emptyBytes = 0;
    this.#patience.headEnded();
    this.#begin(head, url);
    return true;
  }

  /** Some clients of old send one after a body (RFC 9112 §2.2). */
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
    const request = new IncomingRequest(head, url, whole, body);
    const exchange: Exchange = {
      head,
      request,
      departure: undefined,
      body,
      chunked: bodyBytes === undefined ? new ChunkedDecoder() : undefined,
      leftBytes: bodyBytes ?? 0,
      awaitsContinue: head.expectsContinue && this.#unreadBytes === 0,
    };
    if (body !== undefined) body.onHunger = () => this.#feed(exchange);
    this.#exchange = exchange;
    this.#parts.handler(request, (answer) => this.#answer(exchange, answer));
  }

  #feed(exchange: Exchange): void {
    if (exchange.awaitsContinue && exchange.head !== undefined) {
      this.#outbox.send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    this.#pace();
  }

  #answer(exchange: Exchange, answer: Answer): void {
    const { head, body } = exchange;
    if (this.#exchange !== exchange || head === undefined) return this.#writer.discard(answer);
    exchange.departure = exchange.request?.departure;
    exchange.request = undefined;
    exchange.head = undefined;
    // What is left of a body would have to be read before the next request.
    this.#isInterrupted ||= body !== undefined && !body.isDone;
    const keepsAlive = head.keepsAlive && !this.#isInterrupted &&
      answer.headers["connection"] !== "close" &&
      !this.#parts.isStopping();
    this.#mayHold = true;
    try {
      this.#writer.write(answer, head, keepsAlive);
    } catch (error) {
      log.error("an answer can't be sent", { error });
      this.terminate();
    }
  }

  #finish(keepsAlive: boolean): void {
    this.#exchange = undefined;
    this.#patience.moved();
    const goesOn = keepsAlive && !this.#isInterrupted && !this.#parts.isStopping();
    if (goesOn) this.#read();
    else this.#leave();
  }

  #fail(error: unknown): void {
    if (error instanceof HeadError) return this.#refuse(error);
    log.error("request failed", { error });
    this.terminate();
  }

  #refuse(error: HeadError): void {
    const exchange = this.#exchange;
    this.#isInterrupted = true;
    this.#forgetInput();
    if (exchange === undefined) this.turnAway(error.toAnswer());
    // The handler waits for the body, and answers that it isn't whole.
    else exchange.body?.fail(error);
  }

  /** Reads only where somebody takes what comes. */
  #pace(): void {
    const { body } = this.#exchange ?? {};
    const isFull = body !== undefined && !body.isDone
      ? !body.isHungry
      : !this.#isAwaitingHead && this.#unreadBytes > AHEAD_LIMIT_BYTES;
    if (isFull === this.#isPaused || this.#isClosed) return;
    this.#isPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  #leave(): void {
    this.#isLeaving = true;
    this.#forgetInput();
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    if (this.#outbox.queuedBytes === 0) this.#shutDown();
  }

  #shutDown(): void {
    if (this.#isShutDown || this.#isClosed) return;
    this.#isShutDown = true;
    this.#patience.moved();
    if (this.#isInterrupted) this.#socket.shutdown();
    else this.#socket.end();
  }

  /** Ends it at once. */
  terminate(): void {
    if (this.#isClosed) return;
    this.#socket.terminate();
    this.closed();
  }
}
