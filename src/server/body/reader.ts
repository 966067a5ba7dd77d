import type { Clock } from "../../env/clock.ts";
import { Deadline, DeadlineQueue } from "../../env/deadline_queue.ts";
import { BodyBuffer } from "../../http/body_buffer.ts";
import { type BodySink, type HttpRequest, isBodySource } from "../../http/handler.ts";
import { ParseError } from "../../http/parse_error.ts";
import { type Bytes, NO_BYTES } from "../../protocol/bytes.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { type BodyLimits, bodyTooLarge } from "./limits.ts";
import { type ContentCoding, contentCoding } from "./content_coding.ts";
import { decodeBody } from "./decode.ts";
import { pipeStream, READ_BYTES } from "./pipe_stream.ts";
import { Yielder } from "./yielder.ts";

/** A body's time is counted in parts of it. */
const TIMEOUT_TICKS = 30;

/** Streams up to here are sooner read by the runtime itself; it has their length beforehand. */
const SHORT_BYTES = 64 * 1024;

const LENGTH = /^[0-9]+$/;

/** Reads requests' bodies, within a size and a time. */
export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #pipeParts: { readonly clock: Clock; readonly yielder: Yielder };
  /** The bodies that aren't here yet. */
  readonly #pending: DeadlineQueue;

  constructor(limits: BodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#pipeParts = { clock, yielder: new Yielder(clock) };
    this.#pending = new DeadlineQueue(clock, limits.timeoutMs / TIMEOUT_TICKS);
  }

  /**
   * The whole body.
   *
   * @throws {StreamError} as {@link receive} fails
   */
  read(request: HttpRequest): Promise<Bytes> {
    return new Promise((resolve, reject) => this.receive(request, resolve, reject));
  }

  /**
   * Hands over the whole body, decoded, once. Calls back, since a promise more costs an append a
   * microsecond.
   *
   * @param failed gets `body_too_large` (found out before all of it is read or decoded), `body_timeout`,
   * `body_incomplete`, `malformed_body`, `too_many_bodies`, `unsupported_encoding`, `undecodable_body`,
   * or `invalid_header` for its length
   */
  receive(
    request: HttpRequest,
    received: (body: Bytes) => void,
    failed: (error: unknown) => void,
  ): void {
    const encoding = request.headers.get("content-encoding");
    if (encoding === null) return this.#receive(request, received, failed);
    let coding: ContentCoding | undefined;
    try {
      coding = contentCoding(encoding);
    } catch (error) {
      return failed(error);
    }
    this.#receive(request, (body) => this.#decode(body, coding).then(received, failed), failed);
  }

  async #decode(body: Bytes, coding: ContentCoding | undefined): Promise<Bytes> {
    // A client that compresses everything has nothing to compress where there is no body.
    if (coding === undefined || body.length === 0) return body;
    return await decodeBody(body, coding, {
      limits: this.#limits,
      yielder: this.#pipeParts.yielder,
    });
  }

  #receive(
    request: HttpRequest,
    received: (body: Bytes) => void,
    failed: (error: StreamError) => void,
  ): void {
    const declared = request.headers.get("content-length");
    // Not to be looked at where that isn't needed: runtimes make a stream of it then.
    if (declared === "0" || (declared === null && request.body === null)) return received(NO_BYTES);
    const limitBytes = this.#limits.bytes;
    if (declared !== null && !(Number(declared) <= limitBytes)) {
      return failed(
        LENGTH.test(declared)
          ? bodyTooLarge(this.#limits, Number(declared))
          : invalidLength(declared),
      );
    }
    if (request.whole !== undefined) return received(request.whole);
    const maxBytes = declared === null ? limitBytes : Number(declared);
    const pending = new PendingBody(this.#limits, maxBytes, received, failed);
    this.#pending.add(pending, TIMEOUT_TICKS);
    this.#fill(pending, request, declared === null ? undefined : maxBytes);
  }

  #fill(pending: PendingBody, request: HttpRequest, declaredBytes: number | undefined): void {
    const isShort = declaredBytes !== undefined && declaredBytes <= SHORT_BYTES;
    if (isShort && request.arrayBuffer !== undefined) {
      if (!pending.reserve(declaredBytes)) return;
      request.arrayBuffer().then(
        (whole) => pending.endWith(new Uint8Array(whole)),
        (error) => pending.fail(error),
      );
      return;
    }
    const { body } = request;
    if (isBodySource(body)) {
      body.attach(pending);
    } else if (body !== null) {
      if (pending.reserve(READ_BYTES)) pending.stop = pipeStream(body, pending, this.#pipeParts);
    } else {
      pending.end();
    }
  }
}

/** A body that isn't here yet; it is its own deadline, since a set of them would cost an append twice as much. */
class PendingBody extends Deadline implements BodySink {
  readonly #limits: BodyLimits;
  readonly #maxBytes: number;
  readonly #received: (body: Bytes) => void;
  readonly #failed: (error: StreamError) => void;
  #buffer: BodyBuffer | undefined;
  #reservedBytes = 0;
  #isOver = false;
  /** Stops the reading. */
  stop: (() => void) | undefined;

  constructor(
    limits: BodyLimits,
    maxBytes: number,
    received: (body: Bytes) => void,
    failed: (error: StreamError) => void,
  ) {
    super();
    this.#limits = limits;
    this.#maxBytes = maxBytes;
    this.#received = received;
    this.#failed = failed;
  }

  override expire(): void {
    this.fail(bodyTimeout(this.#limits.timeoutMs));
  }

  /** Reserves memory beside that of the body itself; false where there is none. */
  reserve(bytes: number): boolean {
    try {
      this.#charge(bytes);
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  write(input: Bytes, start: number, end: number): void {
    if (this.#isOver) return;
    const { bytes } = this.#limits;
    this.#buffer ??= new BodyBuffer(this.#maxBytes, (addedBytes) => this.#charge(addedBytes));
    if (this.#buffer.length + end - start > bytes) return this.fail(bodyTooLarge(this.#limits));
    try {
      this.#buffer.append(input, start, end);
    } catch (error) {
      this.fail(error);
    }
  }

  end(): void {
    this.endWith(this.#buffer?.whole() ?? NO_BYTES);
  }

  /** Ends with the whole body, where the runtime has gathered it. */
  endWith(body: Bytes): void {
    if (this.#finish()) this.#received(body);
  }

  fail(error: unknown): void {
    if (!this.#finish()) return;
    this.#failed(bodyError(error));
    this.stop?.();
  }

  #charge(bytes: number): void {
    this.#limits.budget.reserve(bytes);
    this.#reservedBytes += bytes;
  }

  /** False where it was over already. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#limits.budget.release(this.#reservedBytes);
    this.cancel();
    return true;
  }
}

function bodyError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  return error instanceof ParseError
    ? new StreamError({ code: "malformed_body" }, error.message)
    : incomplete(error);
}

function invalidLength(declared: string): StreamError {
  return new StreamError(
    { code: "invalid_header" },
    `Content-Length ${quote(declared)} is not a number of bytes.`,
  );
}

function incomplete(cause: unknown): StreamError {
  return new StreamError(
    { code: "body_incomplete" },
    "The body ended before all of it was here.",
    { cause },
  );
}

function bodyTimeout(timeoutMs: number): StreamError {
  return new StreamError({ code: "body_timeout" }, `The body was not here within ${timeoutMs} ms.`);
}
