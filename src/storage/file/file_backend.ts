import type { Clock } from "../../env/clock.ts";
import { type ProducerState, StreamError } from "../../protocol/errors.ts";
import type { NameRange } from "../../protocol/name_order.ts";
import { applyAppend, applyCreate, applyDelete } from "../apply.ts";
import type { Backend, CommandKind } from "../backend.ts";
import { invariant } from "../invariant.ts";
import type { AppendRecord, CreateRecord, DeleteRecord } from "../records.ts";
import type { StorageStatus } from "../status.ts";
import type { Stream } from "../stream.ts";
import { Admission } from "./admission.ts";
import type { BackendLimits } from "./backend_limits.ts";
import type { Ballast } from "./directory/ballast.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Checkpointer } from "./streams/checkpoint.ts";
import type { DamagedStreams } from "./directory/damaged_streams.ts";
import { FileStream, streamFromRecord } from "./streams/file_stream.ts";
import type { LogWriter } from "./wal/writer.ts";
import { measureRecord } from "./wal/record_codec.ts";
import type { OpenSegments } from "./segments/open_segments.ts";
import type { SegmentWriter } from "./segments/writer.ts";
import { shortageStreamError } from "./directory/shortage_error.ts";
import type { StreamCache } from "./streams/stream_cache.ts";

/** What a record leaves with the log, to be shown once it is durable. */
export interface Effect {
  stream: FileStream;
  tail: number;
  closed: boolean;
  /** Streams that go together with it. */
  others: readonly FileStream[];
}

/** What a file backend is made of. */
export interface FileBackendParts {
  identity: string;
  clock: Clock;
  catalog: Catalog;
  log: LogWriter<Effect>;
  cache: StreamCache;
  damaged: DamagedStreams;
  open: Pick<OpenSegments, "openFiles">;
  segments: SegmentWriter;
  checkpointer: Checkpointer;
  ballast: Ballast;
  limits: BackendLimits;
  /** Called for a stream that was made and ends by itself. */
  onExpiring(stream: FileStream): void;
  /** Lets go of files and locks, last of all. */
  release(): Promise<void>;
}

const NOTHING_ELSE: readonly FileStream[] = [];

/** Streams on disk: records go to the log, from there with checkpoints to segments and the catalogue. */
export class FileBackend implements Backend {
  readonly #parts: FileBackendParts;
  readonly #log: LogWriter<Effect>;
  readonly #cache: StreamCache;
  readonly #admission: Admission;
  #nextId: number;
  #checkpointedBytes = 0;
  /** Streams were deleted since a full disk was last tried. */
  #mayFreeRoom = false;
  #cancelTimer: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: FileBackendParts, nextId: number) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#cache = parts.cache;
    this.#admission = new Admission({ ...parts, dirty: () => parts.cache.dirty });
    this.#nextId = nextId;
    this.#scheduleCheckpoint();
  }

  get identity(): string {
    return this.#parts.identity;
  }

  get assignedLsn(): number {
    return this.#log.assignedLsn;
  }

  /** The id that the next stream will get. */
  get nextId(): number {
    return this.#nextId;
  }

  admit(kind: CommandKind, bytes: number): Promise<void> | undefined {
    const { failure } = this.#log;
    if (failure !== undefined) throw failure;
    if (this.#closing !== undefined) {
      throw new StreamError({ code: "storage_closed" }, "The server is stopping.");
    }
    return this.#admission.admit(kind, bytes);
  }

  status(): StorageStatus {
    const { checkpointer, open, damaged } = this.#parts;
    const figures = {
      loadedStreams: this.#cache.loaded,
      openFiles: open.openFiles,
      logBytes: this.#log.liveBytes,
      queuedBytes: this.#log.queuedBytes + this.#admission.waitingBytes,
      checkpoints: checkpointer.done,
      failedCheckpoints: checkpointer.failed,
      damagedStreams: damaged.count,
    };
    const found = damaged.count === 0 ? { figures } : { figures, damagedStreams: damaged.named };
    const { failure } = this.#log;
    if (failure !== undefined) return { state: "failed", reason: failure.message, ...found };
    const lacking = this.#log.shortage.kind ?? checkpointer.shortage;
    if (lacking === undefined) return { state: "ok", ...found };
    const state = lacking === "no_space" ? "full" : "out_of_files";
    return { state, reason: shortageStreamError(lacking).message, ...found };
  }

  newId(): number {
    return this.#nextId++;
  }

  find(name: string): Stream | undefined {
    return this.#cache.find(name);
  }

  load(id: number): Stream {
    const stream = this.#cache.loadIfThere(id);
    if (stream === undefined) throw missingSource(id);
    return stream;
  }

  loadIfThere(id: number): Stream | undefined {
    return this.#cache.loadIfThere(id);
  }

  summary(id: number): Stream {
    const stream = this.#cache.glimpse(id) ?? this.#cache.glimpse(id, this.#parts.catalog.byId(id));
    if (stream === undefined) throw missingSource(id);
    return stream;
  }

  list(range: NameRange, expected: number): Iterable<Stream> {
    return this.#cache.list(range, expected);
  }

  producer(stream: Stream, id: string): ProducerState | undefined {
    return this.#cache.producer(stream, id);
  }

  create(record: CreateRecord): Stream {
    const stream = streamFromRecord(record);
    applyCreate(stream, record);
    const { tail, closed } = stream;
    stream.lsn = this.#log.add(measureRecord(record), {
      stream,
      tail,
      closed,
      others: NOTHING_ELSE,
    });
    stream.lifecycleLsn = stream.lsn;
    if (record.fork !== undefined) this.load(record.fork.sourceId).forkCount++;
    this.#cache.add(stream);
    if (stream.lifetime.kind !== "forever") this.#parts.onExpiring(stream);
    return stream;
  }

  append(stream: Stream, record: AppendRecord): void {
    invariant(stream instanceof FileStream, "the stream is one of this backend's");
    const effect: Effect = { stream, tail: 0, closed: false, others: NOTHING_ELSE };
    const position = this.#log.add(measureRecord(record), effect);
    applyAppend(stream, record);
    effect.tail = stream.tail;
    effect.closed = stream.closed;
    stream.lsn = position;
    if (record.producer !== undefined) stream.markProducer(record.producer.id);
    this.#cache.markDirty(stream);
  }

  remove(record: DeleteRecord, streams: readonly Stream[]): void {
    const gone = streams.filter((stream) => stream instanceof FileStream);
    const [first, ...others] = gone;
    invariant(
      first !== undefined && gone.length === streams.length,
      "the streams are of this backend",
    );
    // One that nobody asked for, an expiry, comes without being let in.
    this.#admission.checkUnadmitted();
    const { tail, closed } = first;
    const position = this.#log.add(measureRecord(record), { stream: first, tail, closed, others });
    applyDelete(gone, record.soft, ({ fork }) => fork && this.#cache.loadIfThere(fork.sourceId));
    for (const stream of gone) {
      stream.lsn = position;
      stream.lifecycleLsn = position;
      if (record.soft) this.#cache.markDirty(stream);
      else this.#cache.remove(stream);
    }
    this.#mayFreeRoom = true;
  }

  accessed(stream: Stream): void {
    invariant(stream instanceof FileStream, "the stream is one of this backend's");
    const { lifetime } = stream;
    if (lifetime.kind !== "ttl") return;
    const worthMs = lifetime.ttlSeconds * 100;
    if (stream.accessedAtMs - stream.storedAccessAtMs > worthMs) this.#cache.markDirty(stream);
  }

  durable(position: number): Promise<void> | undefined {
    return this.#log.durable(position);
  }

  isDurable(position: number): boolean {
    return position <= this.#log.durableLsn;
  }

  /** Shows readers what has become durable. Called by the log before anyone is answered. */
  publish(effects: readonly Effect[]): void {
    for (const { stream, tail, closed } of effects) stream.publish(tail, closed);
    for (const { stream, others } of effects) {
      stream.notify();
      for (const other of others) other.notify();
      this.#writeEarly(stream);
    }
    const { limits, checkpointer } = this.#parts;
    const isFull = checkpointer.shortage ?? this.#log.shortage.kind;
    if (this.#mayFreeRoom && isFull === "no_space") {
      this.#mayFreeRoom = false;
      void checkpointer.run();
    } else if (
      this.#log.writtenBytes - this.#checkpointedBytes > limits.checkpointLogBytes ||
      this.#cache.dirty > limits.checkpointStreams
    ) checkpointer.request();
  }

  /** Lets in those who waited for room. Called when a checkpoint has made some, and after each. */
  onRoom(): void {
    this.#admission.openGate();
  }

  /** Counts the log from here. Called as a checkpoint begins. */
  onCheckpointStart(): void {
    this.#checkpointedBytes = this.#log.writtenBytes;
  }

  close(limitMs = Infinity): Promise<void> {
    return this.#closing ??= this.#shutDown(limitMs);
  }

  async #shutDown(limitMs: number): Promise<void> {
    const { checkpointer, catalog, release } = this.#parts;
    this.#cancelTimer?.();
    this.onRoom();
    // What can't be written now isn't waited for: it was never acknowledged.
    this.#log.shortage.stop();
    try {
      if (this.#log.failure === undefined) {
        await this.#log.flush();
        await checkpointer.runLast(limitMs);
        // What was let in before and decided only now.
        await this.#log.flush();
      } else {
        await checkpointer.stop(limitMs);
      }
    } finally {
      await this.#log.close();
      await catalog.close().finally(release);
    }
  }

  /** Durable bytes only, without a sync: the log holds them until a checkpoint has made them safe. */
  #writeEarly(stream: FileStream): void {
    const { earlyWriteBytes } = this.#parts.limits;
    if (stream.durableTail - stream.buffer.start < earlyWriteBytes) return;
    if (stream.inCheckpoint || stream.lifecycle === "deleted") return;
    try {
      this.#parts.segments.write(stream, stream.durableTail);
    } catch {
      // The checkpoint meets the same failure, and there it counts.
      this.#parts.checkpointer.request();
    }
  }

  #scheduleCheckpoint(): void {
    const { clock, limits, checkpointer } = this.#parts;
    this.#cancelTimer = clock.setTimer(limits.checkpointIntervalMs, () => {
      if (this.#cache.dirty > 0) checkpointer.request();
      this.#scheduleCheckpoint();
    });
  }
}

function missingSource(id: number): StreamError {
  return new StreamError(
    { code: "damaged" },
    `Stream ${id} is missing, of which others are forks.`,
  );
}
