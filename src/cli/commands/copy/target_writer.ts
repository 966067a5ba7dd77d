import { ClientError } from "../../../client/errors/client_error.ts";
import { sendAppend } from "../../../client/transport/append_request.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { Session } from "../session/session.ts";

/** Who appends to which stream of the target. */
export interface TargetWriterOptions {
  readonly session: Session;
  readonly name: string;
  readonly contentType: string;
  /** The copy's producer (PROTOCOL §5.2.1). */
  readonly producerId: string;
  /** Greater than that of every earlier run: it fences off what is left of one that was killed. */
  readonly epoch: number;
  readonly signal: AbortSignal;
}

/**
 * Appends to a stream of the target, one append after the other: each by the copy's producer, so that it
 * may be sent again, and only where the tail is where the last one ended, so that nobody else's comes
 * in between.
 */
export class TargetWriter {
  readonly #options: TargetWriterOptions;
  #epoch: number;
  #seq = 0;
  #tail: string;

  /** @param tail the target's, up to which its content is known */
  constructor(options: TargetWriterOptions, tail: string) {
    this.#options = options;
    this.#epoch = options.epoch;
    this.#tail = tail;
  }

  /** The target's tail. */
  get tail(): string {
    return this.#tail;
  }

  /**
   * Appends a body.
   *
   * @throws {ClientError} `offset_mismatch` where the tail isn't where it was, `stale_epoch` where another
   *   run of the same copy has begun
   */
  async append(body: Bytes): Promise<void> {
    while (!await this.#tryAppend(body)) this.#epoch++;
  }

  /** Closes the stream, where the tail is still here. */
  async close(): Promise<void> {
    const { session, name, signal } = this.#options;
    await sendAppend(session.connection, name, {
      close: true,
      expectedOffset: this.#tail,
      signal,
    });
  }

  /** Resolves to false where this epoch has been another run's. */
  async #tryAppend(body: Bytes): Promise<boolean> {
    const { session, name, contentType, producerId, signal } = this.#options;
    try {
      const { offset } = await sendAppend(session.connection, name, {
        contentType,
        body,
        expectedOffset: this.#tail,
        producer: { id: producerId, epoch: this.#epoch, seq: this.#seq },
        signal,
      });
      const tail = offset ?? (await session.client.head(name, { signal })).nextOffset;
      // Then the server took it for a repetition of what an earlier run appended.
      if (tail === this.#tail && this.#seq === 0) return false;
      this.#tail = tail;
      this.#seq++;
      return true;
    } catch (error) {
      const isStale = error instanceof ClientError && error.code === "stale_epoch";
      if (!isStale || this.#seq > 0 || error.epoch === undefined) throw error;
      // The clock has gone back since the last run.
      this.#epoch = error.epoch;
      return false;
    }
  }
}
