import { type Bytes, concatBytes, toBytes } from "../../protocol/bytes.ts";
import { joinArray } from "../transport/json_array.ts";
import { BatchReceipt, ProducerBatch, type Receipt } from "./batch.ts";

/** When a batch is full. */
export interface BatchLimits {
  readonly maxBatchBytes: number;
  readonly maxBatchMessages: number;
}

/**
 * Gathers messages into batches. Where they are cut depends on nothing but the messages and the calls
 * of `cut`, so that the same input makes the same batches.
 */
export class ProducerBatchBuilder {
  /** The messages are JSON texts, which go as one array. */
  isJson = false;
  readonly #limits: BatchLimits;
  readonly #onCut: (batch: ProducerBatch) => void;
  #messages: Bytes[] = [];
  /** Bytes of the batch that isn't full yet. */
  bytes = 0;
  #receipt = new BatchReceipt();
  #promise: Promise<Receipt> | undefined;

  /** @param onCut gets each batch as it is full */
  constructor(limits: BatchLimits, onCut: (batch: ProducerBatch) => void) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  /** Messages in the batch that isn't full yet. */
  get messages(): number {
    return this.#messages.length;
  }

  /** Puts a message behind the others; all of a batch share one resolved promise. */
  add(message: string | Uint8Array): Promise<Receipt> {
    const { maxBatchBytes, maxBatchMessages } = this.#limits;
    const own = toBytes(message);
    // In an array, one byte goes before each message and one behind the last.
    const framing = this.isJson ? 1 : 0;
    const bytes = own.length + framing;
    if (this.bytes + bytes + framing > maxBatchBytes) this.cut();
    this.#messages.push(own);
    this.bytes += bytes;
    const promise = this.#promise ??= Promise.resolve(this.#receipt);
    const isFull = this.bytes + framing >= maxBatchBytes;
    if (isFull || this.#messages.length >= maxBatchMessages) this.cut();
    return promise;
  }

  /** Ends the batch here, if there is anything in it. */
  cut(): void {
    if (this.#messages.length > 0) this.#end(false);
  }

  /** Ends the batch here, and the stream with it; there may be no message in it. */
  cutLast(): ProducerBatch {
    return this.#end(true);
  }

  /** Lets go of the batch that isn't full yet, settling its receipt. */
  discard(error: unknown): void {
    this.#receipt.settle({ error });
    this.#messages = [];
    this.bytes = 0;
  }

  #end(close: boolean): ProducerBatch {
    const messages = this.#messages;
    const isArray = this.isJson && messages.length > 0;
    const batch = new ProducerBatch({
      receipt: this.#receipt,
      body: isArray ? joinArray(messages) : concatBytes(messages),
      messages: messages.length,
      close,
    });
    this.#messages = [];
    this.bytes = 0;
    this.#receipt = new BatchReceipt();
    this.#promise = undefined;
    this.#onCut(batch);
    return batch;
  }
}
