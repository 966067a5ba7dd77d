import type { Bytes } from "../../protocol/bytes.ts";
import { isJsonType } from "../../protocol/content_type.ts";
import { Backoff } from "../../env/backoff.ts";
import { contentOf, type Data } from "./body.ts";
import type { WaitOptions } from "../transport/call_options.ts";
import type { Receipt, Stored } from "./batch.ts";
import { ProducerBatchBuilder } from "./batch_builder.ts";
import { SendQueue } from "./send_queue.ts";
import { ProducerPipeline } from "./pipeline.ts";
import { ClientError, type Undelivered } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import { invalidArgument } from "../errors/invalid_argument.ts";
import { jsonText } from "./json_text.ts";
import { checkOneJsonValue } from "./one_json_value.ts";
import { retry, RetryBudget } from "../transport/retry_loop.ts";
import { retryDelayMs } from "../transport/response_error.ts";
import { deliveryOutcomes, producerFailure } from "./failure.ts";
import type { ProducerGauges } from "./gauges.ts";
import { type ProducerOptions, type ProducerSettings, producerSettings } from "./options.ts";
import { StreamType } from "./stream_type.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import { type WritableOptions, writableTo } from "./writable.ts";

/**
 * Appends messages in batches, several requests at once, each message exactly once and in the order of
 * the calls (PROTOCOL §5.2.1). Transient failures are retried. Any other failure is final: messages that
 * aren't stored by then reject with a `ClientError` whose `undelivered` counts the lost and the unknown
 * ones. Begin the next producer of this id with a greater epoch then: in this epoch, the server would
 * treat its sequence numbers as messages that it has.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "../../server/app.ts";
 * import { createMemoryStorage } from "../../storage/memory.ts";
 * import { Client } from "../client.ts";
 * import { fetchTransport } from "../transport/transport.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const transport = fetchTransport({ fetch: (url, init) => app.request(url, init) });
 * const client = new Client("http://localhost/v1/stream", { transport });
 * await client.create("temperatures", { contentType: "application/json" });
 *
 * const producer = client.producer("temperatures", { id: "sensor-1" });
 * for (let degrees = 0; degrees < 1000; degrees++) {
 *   await producer.sendJson({ degrees }); // Waits only for room, not for the server.
 * }
 * const last = await producer.sendJson({ degrees: "off" });
 * await producer.flush();
 * assert.equal((await last.stored).offset, producer.offset);
 * // A thousand and one messages took a handful of requests.
 * assert(producer.seq < 10);
 * await producer.closeStream();
 * ```
 */
export class Producer implements AsyncDisposable {
  readonly path: string;
  readonly id: string;
  readonly #connection: Connection;
  readonly #settings: ProducerSettings;
  readonly #signal: AbortSignal | undefined;
  readonly #onError: ((error: ClientError) => void) | undefined;
  readonly #type: StreamType;
  readonly #builder: ProducerBatchBuilder;
  readonly #pipeline: ProducerPipeline;
  readonly #sendQueue = new SendQueue(() => this.#admit());
  readonly #stop = new AbortController();
  readonly #onAbort = () => this.#abort();
  #isTypeKnown = false;
  #isFetchingType = false;
  #failure: { error: unknown; undelivered: Undelivered } | undefined;
  #ending: Promise<void> | undefined;
  #closing: Promise<Stored> | undefined;

  /** @throws {ClientError} `invalid_argument` */
  constructor(connection: Connection, path: string, options: ProducerOptions) {
    this.path = path;
    this.id = options.id;
    this.#connection = connection.adding(options);
    this.#settings = producerSettings(options);
    this.#onError = options.onError;
    this.#signal = options.signal;
    this.#type = new StreamType(this.#connection, path, options.contentType);
    this.#pipeline = new ProducerPipeline(this.#connection, path, this.#settings, {
      onStored: () => this.#onStored(),
      onFailed: (error) => this.#fail(error),
    });
    const { clock } = this.#connection;
    this.#builder = new ProducerBatchBuilder(this.#settings, clock, this.#pipeline);
    const contentType = this.#type.known;
    if (contentType !== undefined) this.#learn(contentType);
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener("abort", this.#onAbort);
  }

  /** The epoch: the given one, or the one that `autoClaim` has taken. */
  get epoch(): number {
    return this.#pipeline.epoch;
  }

  /** The sequence number of the next batch. After `flush`, another producer can continue from here. */
  get seq(): number {
    return this.#pipeline.nextSeq;
  }

  /** The tail after the newest acknowledged batch; `undefined` until the server gives it. */
  get offset(): string | undefined {
    return this.#pipeline.offset;
  }

  /** How many messages weren't stored, or may not be, when it failed or was aborted. */
  get undelivered(): Undelivered | undefined {
    return this.#failure?.undelivered;
  }

  /** How much it holds now. */
  get gauges(): ProducerGauges {
    const { queuedMessages, ...counts } = this.#pipeline.counts;
    return {
      waitingMessages: this.#sendQueue.messages,
      queuedMessages: this.#builder.messages + queuedMessages,
      ...counts,
      bufferedBytes: this.#pipeline.bytes + this.#builder.bytes,
    };
  }

  /**
   * Accepts a message: bytes, or text as UTF-8; in a JSON stream, the text of one JSON value. Resolves as
   * soon as there is room for it, not when it is stored: awaiting each `send` costs nothing, and not
   * awaiting lets memory grow. A `Blob` or stream is one message too, and is read to its end first, a
   * stream up to 64 MiB; later messages wait for that.
   *
   * @throws {ClientError} `invalid_argument` for this message alone; `ended`; the producer's failure
   */
  send(data: Data, options: WaitOptions = {}): Promise<Receipt> {
    return attempt(() => this.#send(contentOf(data, options.signal), false, options.signal));
  }

  /**
   * Accepts a value as JSON; in a JSON stream it is one message, even if it is an array.
   *
   * @throws {ClientError} as `send`
   */
  sendJson(value: unknown, options: WaitOptions = {}): Promise<Receipt> {
    return attempt(() => this.#send(jsonText(value), true, options.signal));
  }

  /**
   * Sends the waiting messages; resolves when all messages sent before are stored.
   *
   * @throws {ClientError} the producer's failure
   */
  flush(options: WaitOptions = {}): Promise<void> {
    return this.#markHandled(untilAborted(this.#flush(), options.signal));
  }

  /**
   * Flushes and ends the producer; the stream stays open. Calling it again is fine.
   *
   * @throws {ClientError} the producer's failure
   */
  close(options: WaitOptions = {}): Promise<void> {
    this.#ending ??= this.#flush().then(() => this.#release());
    return this.#markHandled(untilAborted(this.#ending, options.signal));
  }

  /**
   * Stores the waiting messages, closes the stream after them, and ends the producer (PROTOCOL §5.2.1).
   * Calling it again is fine; after `close` it isn't.
   *
   * @throws {ClientError} the producer's failure; `ended`
   */
  closeStream(options: WaitOptions = {}): Promise<Stored> {
    if (this.#closing === undefined) {
      if (this.#ending !== undefined) {
        return this.#rejection() ?? Promise.reject(this.#endedError());
      }
      this.#closing = this.#closeStream();
      this.#ending = this.#closing.then(() => this.#release());
      // The caller gets the failure from `#closing`; `close` may never be called.
      this.#ending.catch(() => {});
    }
    return this.#markHandled(untilAborted(this.#closing, options.signal));
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * A stream whose chunks are messages: `lines.pipeTo(producer.writable())`. Closing it waits until all
   * is stored; the producer and the stream on the server stay open, unless `close` is given, which ends
   * both. Aborting it doesn't remove messages that were accepted.
   */
  writable({ close = false }: WritableOptions = {}): WritableStream<Data> {
    return writableTo({
      send: (chunk) => this.send(chunk),
      finish: () => close ? this.closeStream() : this.flush(),
    });
  }

  #send(
    message: string | Uint8Array | Promise<Bytes>,
    isJsonText: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Receipt> {
    const rejection = this.#rejection<Receipt>();
    if (rejection !== undefined) return rejection;
    if (this.#ending !== undefined) return Promise.reject(this.#endedError());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (message instanceof Promise || !this.#sendQueue.isEmpty || !this.#hasRoom) {
      return this.#wait(message, isJsonText, signal);
    }
    return this.#take(message, isJsonText);
  }

  /** The failure, for later calls. */
  #rejection<T>(): Promise<T> | undefined {
    return this.#failure && this.#markHandled(Promise.reject(this.#failure.error));
  }

  /** With `onError`, a promise that rejects with the producer's failure doesn't have to be awaited. */
  #markHandled<T>(promise: Promise<T>): Promise<T> {
    if (this.#onError !== undefined) promise.catch(() => {});
    return promise;
  }

  get #hasRoom(): boolean {
    return this.#isTypeKnown &&
      this.#pipeline.bytes + this.#builder.bytes < this.#settings.maxBufferedBytes;
  }

  #take(message: string | Uint8Array, isJsonText: boolean): Promise<Receipt> {
    if (this.#builder.isJson) {
      if (!isJsonText) checkOneJsonValue(message);
    } else if (message.length === 0) {
      throw invalidArgument("The data", message, "something to append");
    }
    return this.#builder.add(message);
  }

  #wait(
    message: string | Uint8Array | Promise<Bytes>,
    isJsonText: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Receipt> {
    if (!this.#isTypeKnown) void this.#fetchType();
    // The caller may reuse its buffer.
    const copy = message instanceof Uint8Array ? message.slice() : message;
    return this.#sendQueue.addMessage<string | Uint8Array, Receipt>(
      copy,
      (message) => this.#take(message, isJsonText),
      signal,
    );
  }

  /** Lets waiting calls proceed as far as there is room. */
  #admit(): void {
    this.#sendQueue.admit(() => this.#hasRoom);
  }

  #flush(): Promise<void> {
    return this.#rejection() ?? this.#inOrder(() => {
      this.#builder.cut();
      return this.#pipeline.stored();
    });
  }

  #closeStream(): Promise<Stored> {
    return this.#rejection() ?? this.#inOrder(() => this.#builder.cutLast().receipt.stored);
  }

  #inOrder<T>(run: () => Promise<T>): Promise<T> {
    return this.#sendQueue.inOrder(run).catch((error) => {
      // The batch's own error counts one message, the producer's all of them.
      throw this.#failure === undefined ? error : this.#failure.error;
    });
  }

  async #fetchType(): Promise<void> {
    if (this.#isFetchingType) return;
    this.#isFetchingType = true;
    const { clock, random } = this.#connection;
    const { signal } = this.#stop;
    try {
      const contentType = await retry({
        budget: new RetryBudget(clock, this.#settings.maxElapsedMs),
        backoff: new Backoff({ random }),
        signal,
        attempt: () => this.#type.get(signal),
        decide: ({ error }) => retryDelayMs(error),
      });
      this.#learn(contentType);
      this.#admit();
    } catch (error) {
      this.#fail(error);
    }
  }

  #learn(contentType: string): void {
    this.#isTypeKnown = true;
    this.#pipeline.contentType = contentType;
    this.#builder.isJson = isJsonType(contentType);
  }

  #onStored(): void {
    this.#admit();
    this.#builder.onStored();
  }

  #endedError(): ClientError {
    return new ClientError("ended", `The producer ${JSON.stringify(this.id)} was closed.`);
  }

  #release(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #abort(): void {
    const reason: unknown = this.#signal?.reason;
    this.#halt(() => reason);
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    // The next producer fetches the type again: the stream may have been recreated with another one.
    if (cause instanceof ClientError && cause.code === "conflict") this.#type.forget();
    const error = this.#halt((undelivered) => producerFailure(cause, undelivered));
    const onError = this.#onError;
    // In a microtask, so that an error that it throws doesn't stop the work here.
    if (onError !== undefined) queueMicrotask(() => onError(error));
  }

  /** Ends everything: pending calls reject with the error of the whole, each message with its own. */
  #halt<E>(toError: (undelivered: Undelivered) => E): E {
    this.#release();
    this.#stop.abort();
    this.#pipeline.stop();
    const waiters = this.#sendQueue.clear();
    const unsent = this.#builder.messages + waiters.filter(({ isMessage }) => isMessage).length;
    const { lost, unknown, undelivered } = deliveryOutcomes(this.#pipeline.remaining(), unsent);
    const error = toError(undelivered);
    this.#failure = { error, undelivered };
    const lostError = toError({ lost: 1, unknown: 0 });
    const unknownError = toError({ lost: 0, unknown: 1 });
    for (const { receipt } of lost) receipt.settle({ error: lostError });
    for (const { receipt } of unknown) receipt.settle({ error: unknownError });
    this.#builder.discard(lostError);
    for (const { isMessage, reject, result } of waiters) {
      if (result !== undefined) this.#markHandled(result);
      reject(isMessage ? lostError : error);
    }
    return error;
  }
}

function attempt<T>(run: () => Promise<T>): Promise<T> {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}
