import type { Clock } from "../env/clock.ts";
import type { HttpRequest } from "../http/exchange.ts";
import { type Bytes, concatBytes, NO_BYTES } from "../protocol/bytes.ts";
import { StreamError } from "../protocol/errors.ts";

/** A body's time is counted in parts of it: looking at the clock for each append would cost more. */
const TIMEOUT_TICKS = 30;

/** Reads requests' bodies, within a size and a time. */
export class BodyReader {
  readonly #limitBytes: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  /** The bodies that aren't here yet, oldest first, in a ring that this closes. */
  readonly #waiting = new PendingBody(Infinity, () => {});
  #ticking = false;
  #ticks = 0;

  constructor(limitBytes: number, timeoutMs: number, clock: Clock) {
    this.#limitBytes = limitBytes;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
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
   * Hands over the whole body, once. Calls back, since a promise more costs an append a microsecond.
   *
   * @param failed gets `body_too_large` (found out before all of it is read), `body_timeout` or
   * `body_incomplete`
   */
  receive(
    request: HttpRequest,
    received: (body: Bytes) => void,
    failed: (error: StreamError) => void,
  ): void {
    const declared = request.headers.get("content-length");
    if (declared === "0" || (declared === null && request.body === null)) return received(NO_BYTES);
    if (declared !== null && !(Number(declared) <= this.#limitBytes)) {
      return failed(this.#tooLarge());
    }
    if (request.whole !== undefined) return received(request.whole);
    const pending = new PendingBody(this.#ticks + TIMEOUT_TICKS + 1, failed);
    pending.linkBefore(this.#waiting);
    this.#tick();
    const reading: Promise<Bytes | ArrayBuffer> = declared === null
      ? this.#readChunks(request, pending)
      : request.arrayBuffer();
    reading.then((body) => {
      if (pending.unlink()) received(body instanceof Uint8Array ? body : new Uint8Array(body));
    }, (error) => {
      if (pending.unlink()) failed(error instanceof StreamError ? error : incomplete(error));
    });
  }

  async #readChunks(request: HttpRequest, pending: PendingBody): Promise<Bytes> {
    if (request.body === null) return NO_BYTES;
    const reader = request.body.getReader();
    pending.cancel = () => void reader.cancel().catch(() => {});
    const parts: Bytes[] = [];
    let length = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (length > this.#limitBytes) {
        await reader.cancel().catch(() => {});
        throw this.#tooLarge();
      }
      parts.push(next.value);
    }
    return concatBytes(parts);
  }

  #tooLarge(): StreamError {
    return new StreamError(
      { code: "body_too_large" },
      `The body is longer than ${this.#limitBytes} bytes, the most that one request may append.`,
    );
  }

  /** One timer for all bodies: they have the same time, so the oldest is always due first. */
  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#clock.setTimer(this.#timeoutMs / TIMEOUT_TICKS, () => {
      this.#ticking = false;
      this.#ticks++;
      const waiting = this.#waiting;
      while (waiting.next.lateAtTick <= this.#ticks) {
        const { next } = waiting;
        next.unlink();
        next.failed(late(this.#timeoutMs));
        next.cancel?.();
      }
      if (waiting.next !== waiting) this.#tick();
    });
  }
}

/** A body that isn't here yet, linked to its neighbours: a set would cost an append twice as much. */
class PendingBody {
  /** Late once this tick has come; a body that came between two ticks gets the longer time. */
  readonly lateAtTick: number;
  readonly failed: (error: StreamError) => void;
  /** Stops the reading. */
  cancel?: () => void;
  next: PendingBody = this;
  #previous: PendingBody = this;

  constructor(lateAtTick: number, failed: (error: StreamError) => void) {
    this.lateAtTick = lateAtTick;
    this.failed = failed;
  }

  linkBefore(next: PendingBody): void {
    const previous = next.#previous;
    this.#previous = previous;
    this.next = next;
    previous.next = this;
    next.#previous = this;
  }

  /** Takes it out; false where it was out already. */
  unlink(): boolean {
    const { next } = this;
    if (next === this) return false;
    const previous = this.#previous;
    previous.next = next;
    next.#previous = previous;
    this.next = this;
    this.#previous = this;
    return true;
  }
}

function incomplete(cause: unknown): StreamError {
  return new StreamError(
    { code: "body_incomplete" },
    "The body ended before all of it was here.",
    { cause },
  );
}

function late(timeoutMs: number): StreamError {
  return new StreamError({ code: "body_timeout" }, `The body was not here within ${timeoutMs} ms.`);
}
