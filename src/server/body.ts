import type { Clock } from "../env/clock.ts";
import { type Bytes, concatBytes, NO_BYTES } from "../protocol/bytes.ts";
import { StreamError } from "../protocol/errors.ts";

/** A body's time is counted in parts of it: looking at the clock for each append would cost more. */
const TIMEOUT_TICKS = 30;

/** Reads requests' bodies, within a size and a time. */
export class BodyReader {
  readonly #limitBytes: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<PendingBody>();
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
   * @throws {StreamError} `body_too_large` (found out before all of it is read), `body_timeout`,
   * `body_incomplete`
   */
  async read(request: Request): Promise<Bytes> {
    const declared = request.headers.get("content-length");
    if (declared === "0") return NO_BYTES;
    if (declared !== null && !(Number(declared) <= this.#limitBytes)) throw this.#tooLarge();
    if (declared === null && request.body === null) return NO_BYTES;
    return await this.#inTime(request, declared !== null);
  }

  /** One promise and one entry a body: racing promises would cost a microsecond an append. */
  #inTime(request: Request, isDeclared: boolean): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      const pending: PendingBody = { lateAtTick: this.#ticks + TIMEOUT_TICKS + 1, reject };
      this.#waiting.add(pending);
      this.#tick();
      const reading: Promise<Bytes | ArrayBuffer> = isDeclared
        ? request.arrayBuffer()
        : this.#readChunks(request, pending);
      reading.then((body) => {
        this.#waiting.delete(pending);
        resolve(body instanceof Uint8Array ? body : new Uint8Array(body));
      }, (error) => {
        this.#waiting.delete(pending);
        reject(error instanceof StreamError ? error : incomplete(error));
      });
    });
  }

  async #readChunks(request: Request, pending: PendingBody): Promise<Bytes> {
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
      for (const pending of this.#waiting) {
        if (pending.lateAtTick > this.#ticks) break;
        this.#waiting.delete(pending);
        pending.reject(late(this.#timeoutMs));
        pending.cancel?.();
      }
      if (this.#waiting.size > 0) this.#tick();
    });
  }
}

/** A body that isn't here yet. */
interface PendingBody {
  /** Late once this tick has come; a body that came between two ticks gets the longer time. */
  lateAtTick: number;
  reject: (error: StreamError) => void;
  /** Stops the reading. */
  cancel?: () => void;
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
