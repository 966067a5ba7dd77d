import { type Bytes, encodeUtf8, NO_BYTES } from "../protocol/bytes.ts";
import { BatchReceipt, ProducerBatch, type Receipt } from "./producer_batch.ts";

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const FIRST_BUFFER_BYTES = 4096;
/** Longer texts are encoded on their own: room for the worst case would be three times their length. */
const SHORT_TEXT_CHARS = 4096;
const UTF8_BYTES_PER_CHAR = 3;

const encoder = new TextEncoder();

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
  #buffer: Bytes = NO_BYTES;
  #length = 0;
  #messages = 0;
  #receipt = new BatchReceipt();
  #promise: Promise<Receipt> | undefined;

  /** @param onCut gets each batch as it is full */
  constructor(limits: BatchLimits, onCut: (batch: ProducerBatch) => void) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  /** Bytes of the batch that isn't full yet. */
  get bytes(): number {
    return this.#length;
  }

  /** Messages in the batch that isn't full yet. */
  get messages(): number {
    return this.#messages;
  }

  /** Puts a message behind the others; all of a batch share one resolved promise. */
  add(message: string | Uint8Array): Promise<Receipt> {
    // In an array, one byte goes before each message and one behind the last.
    const framing = this.isJson ? 1 : 0;
    const { maxBatchBytes, maxBatchMessages } = this.#limits;
    let start = this.#length + framing;
    let end = this.#write(message, start);
    if (this.#messages > 0 && end + framing > maxBatchBytes) {
      this.cut();
      this.#buffer.copyWithin(framing, start, end);
      end -= start - framing;
      start = framing;
    }
    if (this.isJson) this.#buffer[start - 1] = this.#messages === 0 ? OPEN_BRACKET : COMMA;
    this.#length = end;
    this.#messages++;
    const promise = this.#promise ??= Promise.resolve(this.#receipt);
    if (end + framing >= maxBatchBytes || this.#messages >= maxBatchMessages) this.cut();
    return promise;
  }

  /** Ends the batch here, if there is anything in it. */
  cut(): void {
    if (this.#messages > 0) this.#end(false);
  }

  /** Ends the batch here, and the stream with it; there may be no message in it. */
  cutLast(): ProducerBatch {
    return this.#end(true);
  }

  /** Lets go of the batch that isn't full yet, settling its receipt. */
  discard(error: unknown): void {
    this.#receipt.settle({ error });
    this.#buffer = NO_BYTES;
    this.#length = 0;
    this.#messages = 0;
  }

  #end(close: boolean): ProducerBatch {
    const batch = new ProducerBatch({
      receipt: this.#receipt,
      body: this.#takeBody(),
      messages: this.#messages,
      close,
    });
    this.#length = 0;
    this.#messages = 0;
    this.#receipt = new BatchReceipt();
    this.#promise = undefined;
    this.#onCut(batch);
    return batch;
  }

  #takeBody(): Bytes {
    if (this.#messages === 0) return NO_BYTES;
    let length = this.#length;
    if (this.isJson) {
      this.#reserve(length + 1);
      this.#buffer[length++] = CLOSE_BRACKET;
    }
    if (length <= this.#limits.maxBatchBytes) return this.#buffer.slice(0, length);
    // One message that is longer than any batch: a buffer of that size is not kept.
    const body = this.#buffer.subarray(0, length);
    this.#buffer = NO_BYTES;
    return body;
  }

  /** Where the message ends, written from `start` on. */
  #write(message: string | Uint8Array, start: number): number {
    if (typeof message !== "string") return this.#copy(message, start);
    if (message.length > SHORT_TEXT_CHARS) return this.#copy(encodeUtf8(message), start);
    this.#reserve(start + message.length * UTF8_BYTES_PER_CHAR);
    return start + encoder.encodeInto(message, this.#buffer.subarray(start)).written;
  }

  #copy(bytes: Uint8Array, start: number): number {
    const end = start + bytes.length;
    this.#reserve(end);
    this.#buffer.set(bytes, start);
    return end;
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(length, this.#buffer.length * 2, FIRST_BUFFER_BYTES));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }
}
