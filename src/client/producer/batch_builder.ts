import type { Clock } from "../../env/clock.ts";
import { type Bytes, concatBytes, toBytes } from "../../protocol/bytes.ts";
import { joinArray } from "../transport/json_array.ts";
import { BatchReceipt, ProducerBatch, type Receipt } from "./batch.ts";

/** When a batch is full, and how long it waits to be. */
export interface BatchLimits {
  readonly maxBatchBytes: number;
  readonly maxBatchMessages: number;
  readonly lingerMs: number;
}

/** Sends batches, and says whether the next one would be sent at once. */
export interface BatchSender {
  readonly isIdle: boolean;
  readonly hasSlot: boolean;
  push(batch: ProducerBatch): void;
}

/**
 * Collects messages into batches: each is cut by its size, or after `lingerMs` once it can be sent. With
 * an infinite `lingerMs` the cuts depend only on the messages and the calls of `cut`, so that the same
 * input makes the same batches.
 */
export class ProducerBatchBuilder {
  /** The messages are JSON texts, which are sent as one array. */
  isJson = false;
  readonly #limits: BatchLimits;
  readonly #clock: Clock;
  readonly #sender: BatchSender;
  #messages: Bytes[] = [];
  /** Bytes of the batch that isn't full yet. */
  bytes = 0;
  #receipt = new BatchReceipt();
  #promise: Promise<Receipt> | undefined;
  #cancelLinger: (() => void) | undefined;
  /** The batch has waited long enough, and goes when there is a slot. */
  #isDue = false;

  constructor(limits: BatchLimits, clock: Clock, sender: BatchSender) {
    this.#limits = limits;
    this.#clock = clock;
    this.#sender = sender;
  }

  /** Messages in the batch that isn't full yet. */
  get messages(): number {
    return this.#messages.length;
  }

  /** Adds a message; all messages of a batch share one resolved promise. */
  add(message: string | Uint8Array): Promise<Receipt> {
    const { maxBatchBytes, maxBatchMessages } = this.#limits;
    const encoded = toBytes(message);
    // An array has one byte before each message and one after the last.
    const framing = this.isJson ? 1 : 0;
    const bytes = encoded.length + framing;
    if (this.bytes + bytes + framing > maxBatchBytes) this.cut();
    this.#messages.push(encoded);
    this.bytes += bytes;
    const promise = this.#promise ??= Promise.resolve(this.#receipt);
    const isFull = this.bytes + framing >= maxBatchBytes;
    if (isFull || this.#messages.length >= maxBatchMessages) this.cut();
    if (this.#cancelLinger === undefined && this.messages > 0) this.#linger();
    return promise;
  }

  /** Ends the batch here, unless it is empty. */
  cut(): void {
    if (this.messages > 0) this.#end(false);
  }

  /** Ends the batch here, and the stream with it; the batch may be empty. */
  cutLast(): ProducerBatch {
    return this.#end(true);
  }

  /** Notes that a batch was stored: there may be a slot for the next one. */
  onStored(): void {
    if (this.messages === 0) return;
    if (this.#isDue && this.#sender.hasSlot) this.cut();
    else if (this.#sender.isIdle) this.#linger();
  }

  /** Drops the batch that isn't full yet, settling its receipt. */
  discard(error: unknown): void {
    this.#stopLinger();
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
    this.#stopLinger();
    this.#sender.push(batch);
    return batch;
  }

  /** Makes sure that the batch is sent in time even if it doesn't become full. */
  #linger(): void {
    const { lingerMs } = this.#limits;
    if (lingerMs === Infinity) return;
    this.#stopLinger();
    // With no request in flight, waiting longer would only make the server wait too.
    const delayMs = this.#sender.isIdle ? 0 : lingerMs;
    this.#cancelLinger = this.#clock.setTimer(delayMs, () => {
      if (this.#sender.hasSlot) this.cut();
      else this.#isDue = true;
    });
  }

  #stopLinger(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    this.#isDue = false;
  }
}
