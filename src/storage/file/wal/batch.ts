import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { viewOf } from "../../little_endian.ts";
import { BATCH_HEADER_BYTES, paddedBatchBytes, RECORD_PREFIX_BYTES, sealBatch } from "./format.ts";
import type { MeasuredRecord } from "./measured_record.ts";

const FIRST_CAPACITY_BYTES = 64 * 1024;

/** Records that will be written and synced as one; `Tag` is what they left with the log. */
export class LogBatch<Tag> {
  readonly firstLsn: number;
  readonly tags: Tag[] = [];
  /** Whether anybody waits for it: notes alone are in no hurry. */
  isAwaited = false;
  #count = 0;
  #bytes: Bytes;
  #view: DataView;
  #end = BATCH_HEADER_BYTES;
  #durable: PromiseWithResolvers<void> | undefined;
  #outcome: "waiting" | "durable" | StreamError = "waiting";

  /** @param recycled bytes of an earlier batch to use again */
  constructor(firstLsn: number, recycled?: Bytes) {
    this.firstLsn = firstLsn;
    this.#bytes = recycled ?? new Uint8Array(FIRST_CAPACITY_BYTES);
    this.#view = viewOf(this.#bytes);
  }

  /** The LSN of its newest record. */
  get lastLsn(): number {
    return this.firstLsn + this.#count - 1;
  }

  /** How many records it has. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that it will take in the file. */
  get sizeBytes(): number {
    return paddedBatchBytes(this.#end - BATCH_HEADER_BYTES);
  }

  /** The buffer, for the next batch once this one is written. */
  get buffer(): Bytes {
    return this.#bytes;
  }

  /** Adds a record, and its tag where it has one; returns its LSN. */
  add(record: MeasuredRecord, tag: Tag | undefined): number {
    const start = this.#end + RECORD_PREFIX_BYTES;
    const end = start + record.lengthBytes;
    this.#reserve(end);
    this.#view.setUint32(this.#end, record.lengthBytes, true);
    record.encode(this.#bytes, this.#view, start);
    this.#end = end;
    if (tag !== undefined) this.tags.push(tag);
    return this.firstLsn + this.#count++;
  }

  /** The whole batch as it goes into the file. */
  seal(syncedLsn: number, seed: number): Bytes {
    const bytes = this.#bytes.subarray(0, this.sizeBytes);
    sealBatch(bytes, {
      firstLsn: this.firstLsn,
      syncedLsn,
      count: this.#count,
      payloadBytes: this.#end - BATCH_HEADER_BYTES,
    }, seed);
    return bytes;
  }

  /** Resolves when the batch is durable, rejects when it never will be. */
  durable(): Promise<void> {
    if (this.#durable === undefined) {
      this.#durable = Promise.withResolvers();
      if (this.#outcome === "durable") this.#durable.resolve();
      else if (this.#outcome !== "waiting") this.#durable.reject(this.#outcome);
    }
    return this.#durable.promise;
  }

  /** Says that it is durable. */
  markDurable(): void {
    this.#outcome = "durable";
    this.#durable?.resolve();
  }

  /** Says that it never will be. */
  fail(error: StreamError): void {
    this.#outcome = error;
    this.#durable?.reject(error);
  }

  #reserve(end: number): void {
    const wanted = paddedBatchBytes(end - BATCH_HEADER_BYTES);
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}
