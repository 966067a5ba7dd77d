import { ClientError } from "../errors/client_error.ts";
import type { WaitOptions } from "../transport/call_options.ts";
import type { Connection } from "../transport/connection.ts";
import { START } from "../transport/place.ts";
import { sleep } from "../transport/sleep.ts";
import type { Message } from "../reader/message.ts";
import { Reader } from "../reader/reader.ts";
import type { ReaderOptions } from "../reader/options.ts";

/** How often a worker claims while there is no wake stream that it can follow. */
const POLL_MS = 10_000;

/** The wake events of one subscription (PROTOCOL §7.2). A wake stream may have those of others, too. */
export class WakeEvents {
  readonly #connection: Connection;
  readonly #subscriptionId: string;
  readonly #reader: Reader;

  /**
   * @param path the wake stream
   * @param options beside the place and the mode
   */
  constructor(
    connection: Connection,
    subscriptionId: string,
    path: string,
    options: ReaderOptions,
  ) {
    this.#connection = connection;
    this.#subscriptionId = subscriptionId;
    // A long-poll that ends without news is the time to claim without a wake event.
    this.#reader = new Reader(connection, path, { ...options, readMode: "long-poll" });
  }

  /**
   * Begins with what is written from now on. If the stream doesn't exist yet, that is all of it.
   *
   * @throws {ClientError}
   */
  async begin(options: WaitOptions): Promise<void> {
    await this.#reader.seekToTail(options).catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
  }

  /**
   * Resolves when it is time to claim: at an event of a later generation than the worker knows, and every
   * now and then without one.
   *
   * @throws {ClientError}
   */
  async next(generation: number, options: WaitOptions): Promise<void> {
    while (!this.#reader.closed) {
      try {
        const { messages } = await this.#reader.read(options);
        if (messages.some((message) => this.#isDue(message, generation))) return;
        if (messages.length === 0 && !this.#reader.closed) return;
      } catch (error) {
        if (!isGone(error)) throw error;
        // It was deleted; one that is made again begins anew.
        this.#reader.seek(START);
        break;
      }
    }
    await sleep(this.#connection.clock, POLL_MS, options.signal);
  }

  /** Disconnects. */
  async close(): Promise<void> {
    await this.#reader.close();
  }

  #isDue(message: Message, generation: number): boolean {
    try {
      const event = message.json<Readonly<Record<string, unknown>> | null>();
      const isOwn = event?.["type"] === "wake" &&
        event["subscription_id"] === this.#subscriptionId;
      return isOwn && Number(event["generation"]) > generation;
    } catch {
      // Anybody may append to the wake stream.
      return false;
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof ClientError && (error.code === "not_found" || error.code === "gone");
}
