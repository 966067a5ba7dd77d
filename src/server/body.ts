import type { Clock } from "../env/clock.ts";
import { type Bytes, concatBytes, NO_BYTES } from "../protocol/bytes.ts";
import { StreamError } from "../protocol/errors.ts";

/** Reads requests' bodies, within a size and a time. */
export class BodyReader {
  readonly #limitBytes: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<PendingBody>();
  #ticking = false;

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
    if (declared !== null && Number(declared) > this.#limitBytes) throw this.#tooLarge();
    if (declared === null && request.body === null) return NO_BYTES;
    const pending = new PendingBody(this.#clock.nowMs() + this.#timeoutMs);
    this.#waiting.add(pending);
    this.#tick();
    try {
      const reading = declared === null
        ? this.#readChunks(request, pending)
        : request.arrayBuffer().then((buffer) => new Uint8Array(buffer));
      return await Promise.race([reading, pending.late]);
    } catch (error) {
      if (error instanceof StreamError) throw error;
      throw new StreamError(
        { code: "body_incomplete" },
        "The body ended before all of it was here.",
        { cause: error },
      );
    } finally {
      this.#waiting.delete(pending);
    }
  }

  async #readChunks(request: Request, pending: PendingBody): Promise<Bytes> {
    if (request.body === null) return NO_BYTES;
    const reader = request.body.getReader();
    pending.onLate = () => void reader.cancel().catch(() => {});
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
    this.#clock.setTimer(Math.min(1000, this.#timeoutMs), () => {
      this.#ticking = false;
      const nowMs = this.#clock.nowMs();
      for (const pending of this.#waiting) {
        if (pending.deadlineMs > nowMs) break;
        this.#waiting.delete(pending);
        pending.expire(this.#timeoutMs);
      }
      if (this.#waiting.size > 0) this.#tick();
    });
  }
}

class PendingBody {
  readonly deadlineMs: number;
  readonly late: Promise<never>;
  onLate: () => void = () => {};
  #reject: (error: StreamError) => void = () => {};

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
    this.late = new Promise((_, reject) => this.#reject = reject);
  }

  expire(timeoutMs: number): void {
    this.#reject(
      new StreamError(
        { code: "body_timeout" },
        `The body was not here within ${timeoutMs} ms.`,
      ),
    );
    this.onLate();
  }
}
