import { type File, FileSystemError, isShortage } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { LogBatch } from "./batch.ts";
import type { CurrentLogFile, LogFiles } from "./files.ts";
import { BATCH_RECORDS, SYNC_SECONDS } from "../../../metrics/buckets.ts";
import { Histogram } from "../../../metrics/histogram.ts";
import { batchSeed, LOG_HEADER_BYTES, paddedBatchBytes, RECORD_PREFIX_BYTES } from "./format.ts";
import { firstUnallocated, needsOwnFile } from "./space.ts";
import type { LogWriterOptions } from "./writer_options.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";
import type { LogMeasures } from "../../measures.ts";
import type { LogRecord } from "../../records.ts";
import { measureRecord } from "./record_codec.ts";
import { Shortage } from "./shortage.ts";

/** A larger buffer is kept for the next batch only where a quarter of it was used, up to the limit. */
const SMALL_BUFFER_BYTES = 1024 * 1024;
const BUFFER_LIMIT_BYTES = 16 * 1024 * 1024;
/** Notes that no other record takes along are written after this. */
const NOTE_DELAY_MS = 10;
/** A write longer than this goes off the main thread. */
const BLOCKING_WRITE_BYTES = 256 * 1024;

/** Spare files that weren't needed for so long are given back. */
const GIVE_BACK_MS = 10 * 60_000;

/**
 * The write-ahead log: gathers records while a sync runs, then writes and syncs them as one. One sync is
 * in flight at a time; all that came meanwhile is the next batch.
 */
export class LogWriter<Tag> {
  readonly #options: LogWriterOptions<Tag>;
  readonly #files: LogFiles;
  readonly #queue: LogBatch<Tag>[] = [];
  #open: LogBatch<Tag>;
  #inFlight: LogBatch<Tag> | undefined;
  /** Bytes of the batch that has left the queue and has no place in a file yet. */
  #unallocatedBytes = 0;
  #current: CurrentLogFile;
  #filePosition = LOG_HEADER_BYTES;
  /** Nothing more goes into the current file: it was made for the batch in it. */
  #mustRoll = false;
  /** What is lacking for the next file, or for a batch that is held. */
  readonly shortage: Shortage;
  #isClosed = false;
  #syncedLsn: number;
  #durableLsn: number;
  #queuedBytes = 0;
  #loop: Promise<void> | undefined;
  #failure: StreamError | undefined;
  #recycledBuffer: Bytes | undefined;
  #cancelSync: (() => void) | undefined;
  #cancelNotes: (() => void) | undefined;
  #cancelGiveBack: (() => void) | undefined;
  /** Syncs that run: no file is closed under one. */
  readonly #syncs = new Set<Promise<void>>();
  #bytesSinceStart = 0;
  readonly #batchRecords = new Histogram(BATCH_RECORDS);
  readonly #syncSeconds = new Histogram(SYNC_SECONDS);

  constructor(options: LogWriterOptions<Tag>) {
    this.#options = options;
    this.#files = options.files;
    this.#current = options.current;
    this.#open = new LogBatch(options.nextLsn);
    this.shortage = new Shortage(options.clock, {
      recheck: () => {
        if (this.#failure === undefined) void this.makeRoomFor(0);
      },
      onEnter: (error) => options.onShortage(error),
    });
    this.#durableLsn = options.nextLsn - 1;
    this.#syncedLsn = options.nextLsn - 1;
  }

  /** The newest record's LSN. */
  get assignedLsn(): number {
    return this.#open.lastLsn;
  }

  /** All records up to this one are durable. */
  get durableLsn(): number {
    return this.#durableLsn;
  }

  /** Bytes of records that wait to be written. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#open.sizeBytes;
  }

  /** Bytes of the files that hold records. */
  get liveBytes(): number {
    return this.#files.liveBytes;
  }

  /** Bytes written since the start. */
  get writtenBytes(): number {
    return this.#bytesSinceStart;
  }

  /** What was counted since the start, for metrics. */
  get measures(): Omit<LogMeasures, "ageSeconds"> {
    return {
      limitBytes: this.#options.limitBytes,
      writtenBytes: this.#bytesSinceStart,
      batchRecords: this.#batchRecords.value,
      syncDurationSeconds: this.#syncSeconds.value,
    };
  }

  /** Why nothing can be written any more. */
  get failure(): StreamError | undefined {
    return this.#failure;
  }

  /**
   * How many more bytes fit within the log's limit. What is queued always gets written, past the limit
   * if need be: so it is before queueing that one has to wait.
   */
  get roomBytes(): number {
    const inCurrent = this.#current.sizeBytes - this.#filePosition;
    const { liveBytes, canFree, fullSizeBytes } = this.#files;
    const besideBytes = this.#options.limitBytes - liveBytes;
    // A file that was made for a long batch may be past the limit by itself, and no checkpoint changes that.
    const allowedBytes = canFree ? besideBytes : Math.max(besideBytes, fullSizeBytes);
    return allowedBytes + inCurrent - this.queuedBytes;
  }

  /**
   * The size of the first batch that finds no place in the files that are there, with what is queued and
   * a record more; `undefined` where all do. What is queued all the same may have to wait for room on the
   * disk, and keeps what comes after it waiting.
   *
   * @param recordBytes how long the record is at most
   * @param reserveBytes what has to be left behind it
   */
  firstUnallocated(recordBytes: number, reserveBytes = 0): number | undefined {
    const record = paddedBatchBytes(recordBytes + RECORD_PREFIX_BYTES);
    const leftBytes = this.#mustRoll ? 0 : this.#current.sizeBytes - this.#filePosition;
    if (this.#unallocatedBytes + this.queuedBytes + record + reserveBytes <= leftBytes) {
      return undefined;
    }
    const recycledSizes = this.#files.upcomingSizes(this.#current);
    const space = { leftBytes, recycledSizes, fullSizeBytes: this.#files.fullSizeBytes };
    return firstUnallocated(this.#batchSizes(record, reserveBytes), space);
  }

  /** Whether a checkpoint has to free files before there may be one more for a batch. */
  isAtLimitFor(batchBytes: number): boolean {
    return this.#files.isAtLimitFor(batchBytes);
  }

  /**
   * Gets a file for a batch ready, past the log's limit if need be, as far as the disk has room;
   * afterwards `shortage` says whether it had.
   */
  async makeRoomFor(batchBytes: number): Promise<void> {
    try {
      await this.#files.prepareFor(batchBytes);
      if (this.shortage.isHolding) this.shortage.tryHeld();
      else this.shortage.leave();
    } catch (error) {
      if (isShortage(error)) this.shortage.enter(error);
      else this.fail(error);
    }
  }

  /** Queues a record, as `Journal.append`. */
  append(record: LogRecord, tag: Tag | undefined): number {
    const lsn = this.#add(record, tag);
    this.#writeSoon();
    return lsn;
  }

  /** Queues a record, as `Journal.note`. */
  note(record: LogRecord): number {
    const lsn = this.#add(record, undefined);
    this.#cancelNotes ??= this.#options.clock.setTimer(NOTE_DELAY_MS, () => {
      this.#cancelNotes = undefined;
      if (this.#open.count > 0) this.#writeSoon();
    });
    return lsn;
  }

  #add(record: LogRecord, tag: Tag | undefined): number {
    if (this.#failure !== undefined) throw this.#failure;
    const measured = measureRecord(record);
    const lengthBytes = this.#open.sizeBytes + measured.lengthBytes;
    if (lengthBytes > this.#options.batchLimitBytes && this.#open.count > 0) {
      this.#closeBatch();
    }
    return this.#open.add(measured, tag);
  }

  /** The open batch is written as soon as can be. */
  #writeSoon(): void {
    this.#open.isAwaited = true;
    this.#loop ??= yieldToEventLoop().then(() => this.#run());
  }

  /** Whether `lsn` is durable. */
  isDurable(lsn: number): boolean {
    return lsn <= this.#durableLsn;
  }

  /** Resolves when `lsn` is durable, rejects if it never will be; `undefined` where it is. */
  durable(lsn: number): Promise<void> | undefined {
    if (lsn <= this.#durableLsn) return undefined;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#inFlight !== undefined && lsn <= this.#inFlight.lastLsn) {
      return this.#inFlight.durable();
    }
    this.#writeSoon();
    const batch = this.#queue.find(({ lastLsn }) => lsn <= lastLsn);
    return (batch ?? this.#open).durable();
  }

  /** Says that a checkpoint has taken over all records up to `lsn`. */
  async release(lsn: number): Promise<void> {
    await this.#files.release(lsn);
    this.#giveBackLater();
  }

  /** What a burst has made goes back to the disk, once it wasn't needed for so long. */
  #giveBackLater(): void {
    if (!this.#files.hasSpares || this.#failure !== undefined) return;
    this.#cancelGiveBack ??= this.#options.clock.setTimer(GIVE_BACK_MS, () => {
      this.#cancelGiveBack = undefined;
      // What is queued may have been let in for the room in them.
      if (this.#loop === undefined) this.#files.giveBack();
      this.#giveBackLater();
    });
  }

  /** Writes what is queued and syncs it, whatever the mode. */
  async flush(): Promise<void> {
    await this.durable(this.assignedLsn);
    await Promise.allSettled(this.#syncs);
    if (this.#syncedLsn >= this.#durableLsn) return;
    try {
      await this.#sync();
    } catch (error) {
      this.fail(error);
      throw this.#failure;
    }
  }

  /** Stops for good, once what is under way has ended; what was flushed stays. */
  async close(): Promise<void> {
    this.#cancelSync?.();
    this.#cancelNotes?.();
    this.#cancelGiveBack?.();
    const failure = this.#failure ??= new StreamError(
      { code: "storage_closed" },
      "The storage is closed.",
    );
    for (const batch of [this.#inFlight, ...this.#queue, this.#open]) batch?.fail(failure);
    this.shortage.stop();
    await this.#loop;
    await Promise.allSettled(this.#syncs);
    await this.#files.prepared();
    if (!this.#isClosed) this.#current.file.close();
    this.#isClosed = true;
  }

  /** Nothing is taken any more, and who waits is told so: what has failed is never tried again. */
  fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const failure = new StreamError(
      { code: "storage_failed" },
      `The storage takes no writes until the server is started again: ${reason}.`,
      { cause },
    );
    this.#failure = failure;
    for (const batch of [this.#inFlight, ...this.#queue, this.#open]) batch?.fail(failure);
    this.#queue.length = 0;
    this.#options.onFailure(cause);
  }

  #closeBatch(): void {
    this.#queue.push(this.#open);
    this.#queuedBytes += this.#open.sizeBytes;
    this.#open = new LogBatch(this.#open.lastLsn + 1, this.#takeRecycledBuffer());
  }

  /** What has no place yet, in the order in which it gets one, with a record and a reserve behind it. */
  *#batchSizes(recordBytes: number, reserveBytes: number): Iterable<number> {
    yield this.#unallocatedBytes;
    for (const { sizeBytes } of this.#queue) yield sizeBytes;
    const openBytes = this.#open.count > 0 ? this.#open.sizeBytes : 0;
    if (openBytes + recordBytes <= this.#options.batchLimitBytes) yield openBytes + recordBytes;
    else yield* [openBytes, recordBytes];
    yield reserveBytes;
  }

  #takeRecycledBuffer(): Bytes | undefined {
    const buffer = this.#recycledBuffer;
    this.#recycledBuffer = undefined;
    return buffer;
  }

  async #run(): Promise<void> {
    try {
      while (this.#failure === undefined) {
        if (this.#queue.length === 0) {
          if (this.#open.count === 0 || !this.#open.isAwaited) break;
          this.#closeBatch();
        }
        const batch = this.#queue.shift();
        if (batch === undefined) break;
        this.#queuedBytes -= batch.sizeBytes;
        this.#inFlight = batch;
        this.#unallocatedBytes = batch.sizeBytes;
        await this.#write(batch);
        this.#finish(batch);
        await this.#rollLongFile();
        // The answers go out, and what they bring in joins the next batch: worth more than an earlier sync.
        await yieldToEventLoop();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#loop = undefined;
    }
  }

  async #write(batch: LogBatch<Tag>): Promise<void> {
    const current = await this.#fileWithRoom(batch);
    const bytes = batch.seal(this.#syncedLsn, batchSeed(current.seed, this.#filePosition));
    try {
      if (bytes.length <= BLOCKING_WRITE_BYTES) current.file.writeSync(bytes, this.#filePosition);
      else await current.file.write(bytes, this.#filePosition);
    } catch (error) {
      await this.#writeHeld(current.file, bytes, error);
    }
    this.#filePosition += bytes.length;
    this.#unallocatedBytes = 0;
    this.#mustRoll = needsOwnFile(bytes.length, this.#files.fullSizeBytes);
    this.#bytesSinceStart += bytes.length;
    this.#batchRecords.observe(batch.count);
    if (this.#options.fsync === "always") {
      const startMs = performance.now();
      await this.#options.sync.sync(current.file, batch.count);
      const endMs = performance.now();
      this.#syncSeconds.observe((endMs - startMs) / 1000);
      this.#syncedLsn = batch.lastLsn;
      const { tags, count: records } = batch;
      this.#options.onSynced?.({ tags, records, bytes: bytes.length, startMs, endMs });
    } else if (this.#options.fsync === "interval") {
      this.#syncLater();
    }
  }

  /**
   * Writes a batch once more, and in the same place, for which there was no room: some file systems take
   * new blocks for each write. Nothing is behind it, and nothing of it was synced, so a part of it that
   * is there is no more than a torn end. Any other failure is the end: what the device says no to once
   * it may have lost already, or lose next.
   */
  async #writeHeld(file: File, bytes: Bytes, failure: unknown): Promise<void> {
    for (let last = failure;;) {
      await this.#hold(last);
      try {
        await file.write(bytes, this.#filePosition);
        return this.shortage.leave();
      } catch (error) {
        last = error;
      }
    }
  }

  /** Holds the batch until what it lacks may be there again. */
  async #hold(error: unknown): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.shortage.hold(error);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #finish(batch: LogBatch<Tag>): void {
    if (this.#failure !== undefined) return;
    this.#inFlight = undefined;
    this.#durableLsn = batch.lastLsn;
    try {
      this.#options.onDurable(batch.tags);
    } finally {
      // It is on disk, whatever becomes of who shows it: nobody may wait for its answer for ever.
      batch.markDurable();
    }
    const usefulBytes = Math.max(SMALL_BUFFER_BYTES, batch.sizeBytes * 4);
    if (batch.buffer.length <= Math.min(usefulBytes, BUFFER_LIMIT_BYTES)) {
      this.#recycledBuffer = batch.buffer;
    }
  }

  async #fileWithRoom(batch: LogBatch<Tag>): Promise<CurrentLogFile> {
    const { file, sizeBytes } = this.#current;
    if (this.#filePosition + batch.sizeBytes <= sizeBytes) {
      if (this.#filePosition > sizeBytes / 2) this.#prepareNext();
      return this.#current;
    }
    await this.#sync();
    const next = await this.#roll(batch.firstLsn, batch.sizeBytes);
    await this.#closeAfterSyncs(file);
    return next;
  }

  /** A file made for one long batch would hold up the log's room as long as it is the newest. */
  async #rollLongFile(): Promise<void> {
    const { file } = this.#current;
    // After a failure it isn't known which record the next file would begin with.
    if (!this.#mustRoll || this.#failure !== undefined) return;
    await this.#sync();
    await this.#roll(this.#durableLsn + 1, 0);
    await this.#closeAfterSyncs(file);
  }

  async #roll(firstLsn: number, wantedBytes: number): Promise<CurrentLogFile> {
    while (true) {
      try {
        this.#current = await this.#files.roll(firstLsn, wantedBytes);
        this.#filePosition = LOG_HEADER_BYTES;
        this.#mustRoll = false;
        this.shortage.leave();
        return this.#current;
      } catch (error) {
        await this.#hold(error);
      }
    }
  }

  /** A shortage shows again when the file is needed; anything else is worth no more here. */
  #prepareNext(): void {
    this.#files.prepare().catch((error) => {
      if (!(error instanceof FileSystemError)) throw error;
    });
  }

  async #sync(): Promise<void> {
    const through = this.#durableLsn;
    const startMs = performance.now();
    const sync = this.#current.file.dataSync();
    this.#syncs.add(sync);
    try {
      await sync;
    } finally {
      this.#syncs.delete(sync);
    }
    this.#syncSeconds.observe((performance.now() - startMs) / 1000);
    this.#syncedLsn = Math.max(this.#syncedLsn, through);
  }

  async #closeAfterSyncs(file: File): Promise<void> {
    await Promise.allSettled(this.#syncs);
    file.close();
  }

  #syncLater(): void {
    this.#cancelSync ??= this.#options.clock.setTimer(this.#options.fsyncIntervalMs, () => {
      this.#cancelSync = undefined;
      this.#sync().catch((error) => this.fail(error));
    });
  }
}
