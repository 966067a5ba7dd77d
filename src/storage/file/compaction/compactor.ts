import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../../env/clock.ts";
import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { type CompactionPolicy, sameCompaction } from "../../../protocol/compaction_policy.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { Admission } from "../../admission.ts";
import type { Journal } from "../../journal.ts";
import type { CompactionRecord } from "../../records.ts";
import type { Catalog, SegmentRow } from "../catalog/catalog.ts";
import type { OpenSegments } from "../segments/open_segments.ts";
import type { FileStream } from "../streams/file_stream.ts";
import type { StreamCache } from "../streams/stream_cache.ts";
import type { Throttle } from "../wal/throttle.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";
import { Pacer } from "./pacer.ts";
import { type CompactionPlan, planCompaction } from "./plan.ts";
import { rewriteSegments } from "./rewrite.ts";

const logger = getLogger(["durable-streams", "storage", "compaction"]);

/** A stream with more forks isn't compacted: where they begin would have to be looked up, one by one. */
const MAX_FORKS = 1000;
/** One new segment is made of so many old ones at most. */
const MAX_REPLACED = 4096;

/** What a compactor works on. */
export interface CompactorParts {
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  /** Where the segments are. */
  readonly folder: string;
  /** The directory's. */
  readonly uuid: string;
  readonly catalog: Pick<Catalog, "segments">;
  readonly cache: StreamCache;
  readonly open: OpenSegments;
  readonly journal: Pick<Journal<FileStream>, "note">;
  readonly admission: Admission;
  readonly throttle: Pick<Throttle, "yieldFor">;
  readonly segmentBytes: number;
  /** How much of the time it may work. */
  readonly share: number;
  /** What the table of keys takes at most. */
  readonly memoryBytes: number;
  /** A stream holds so many bytes more than before a compaction of it: below 0 where they are fewer. */
  onHeld(stream: FileStream, addedBytes: number): void;
  /** A stream's policy, as it is now. */
  policyOf(stream: FileStream): CompactionPolicy | undefined;
}

/** What compactions came to, since the start. */
export interface CompactionFigures {
  readonly compactions: number;
  /** How much their segments had before. */
  readonly bytesBefore: number;
  /** How much they have now. */
  readonly bytesAfter: number;
}

/**
 * Compacts streams in the background, one at a time: once a checkpoint has ended after which there may be
 * anything to do. A crash loses what wasn't recorded yet, no more.
 */
export class Compactor {
  readonly #parts: CompactorParts;
  readonly #pacer: Pacer;
  /** Streams that may have something to compact, by their ids. */
  readonly #due = new Set<number>();
  /** The stream that is loaded to be looked at. */
  #loading: number | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #compactions = 0;
  #bytesBefore = 0;
  #bytesAfter = 0;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
    this.#pacer = new Pacer(parts.clock, parts.throttle, parts.share);
  }

  /** What it has done. */
  get figures(): CompactionFigures {
    return {
      compactions: this.#compactions,
      bytesBefore: this.#bytesBefore,
      bytesAfter: this.#bytesAfter,
    };
  }

  /** A stream may have something to compact: it was loaded, or its row was stored. */
  schedule(stream: FileStream): void {
    const { id, lastSegment, ownStart } = stream;
    // Else a look would never be the last, where more are due than may be in memory.
    if (id === this.#loading) return;
    // With one segment there is nothing sealed.
    if (lastSegment === undefined || lastSegment.base <= ownStart) return;
    if (this.#parts.policyOf(stream) !== undefined) this.#due.add(id);
  }

  /** A checkpoint has ended: what is sealed has its row. */
  onCheckpoint(): void {
    if (this.#running !== undefined || this.#due.size === 0 || this.#isStopped) return;
    this.#running = this.#runAll().finally(() => this.#running = undefined);
  }

  /** Ends what runs, and begins nothing any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#pacer.stop();
    await this.#running;
  }

  async #runAll(): Promise<void> {
    const waiting: number[] = [];
    for (let id; (id = first(this.#due)) !== undefined;) {
      this.#due.delete(id);
      await yieldToEventLoop();
      if (this.#isStopped) return;
      try {
        if (await this.#compact(id) === "later") waiting.push(id);
      } catch (error) {
        if (error instanceof Ended || this.#isStopped) return;
        if (error instanceof StreamError || error instanceof FileSystemError) {
          const { message } = error;
          logger.warn("Stream {id} can't be compacted now: {message}", { id, message });
        } else {
          // Nobody waits for this: thrown on, it would end the process, and with it all other streams.
          logger.error("Stream {id} isn't compacted: {error}", { id, error });
        }
      }
    }
    for (const id of waiting) this.#due.add(id);
  }

  /** `later`: once a checkpoint has stored the rows. */
  async #compact(id: number): Promise<"done" | "later"> {
    const stream = this.#load(id);
    const policy = stream && this.#parts.policyOf(stream);
    if (stream === undefined || policy === undefined || !isCompacted(stream)) return "done";
    // What is replaced already still has its rows: the next checkpoint stores the others.
    if (stream.replacedSegments.length > 0) return "later";
    const plan = this.#planOf(stream);
    if (plan === undefined) return "done";
    const { clock } = this.#parts;
    const result = await rewriteSegments(plan, policy, {
      ...this.#parts,
      pacer: this.#pacer,
      maxReplaced: MAX_REPLACED,
      nowMs: clock.nowMs(),
      seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
      replace: (...replacement) => this.#replace(id, policy, ...replacement),
      checkGoesOn: () => this.#checkGoesOn(),
    });
    this.#compactions++;
    this.#bytesBefore += result.bytesBefore;
    this.#bytesAfter += result.bytesAfter;
    logger.info("Compacted stream {id}: {before} bytes of it are {after} now.", {
      id,
      before: result.bytesBefore,
      after: result.bytesAfter,
    });
    return "later";
  }

  #load(id: number): FileStream | undefined {
    this.#loading = id;
    try {
      return this.#parts.cache.loadIfThere(id);
    } finally {
      this.#loading = undefined;
    }
  }

  #planOf(stream: FileStream): CompactionPlan | undefined {
    const { lastSegment, ownStart, earliest, id } = stream;
    if (lastSegment === undefined) return undefined;
    const changed = [...stream.changedSegments.keys()];
    return planCompaction({
      segments: this.#parts.catalog.segments(id),
      // What deletions of a fork delete may be its source's, as long as that isn't trimmed.
      start: ownStart === 0 || earliest >= ownStart ? earliest : -1,
      protectedUpTo: this.#protectedUpTo(stream),
      sealedUpTo: Math.min(lastSegment.base, ...changed),
    });
  }

  /** What lies before this can be read by forks as it was when they were made. */
  #protectedUpTo(stream: FileStream): number {
    if (stream.forkCount === 0) return 0;
    if (stream.forkCount > MAX_FORKS) return Infinity;
    const { cache } = this.#parts;
    const points = cache.forkIds(stream).map((id) => cache.summary(id)?.fork?.point ?? Infinity);
    return Math.max(0, ...points);
  }

  /** With nothing between the look at what is there and the record. */
  async #replace(
    id: number,
    policy: CompactionPolicy,
    old: readonly SegmentRow[],
    segment: SegmentRow,
    newestUpTo: number,
  ): Promise<boolean> {
    const { admission, cache, clock, journal, policyOf } = this.#parts;
    for (let gate; (gate = admission.admit("write", 0));) await gate;
    this.#checkGoesOn();
    const stream = cache.loadIfThere(id);
    if (stream === undefined || !isCompacted(stream)) return false;
    // Also where only its deletions are to stay for longer: those that are left out here would be gone.
    if (!sameCompaction(policyOf(stream), policy) || !this.#areThere(stream, old)) return false;
    if (this.#protectedUpTo(stream) > segment.base) return false;
    const { streamId: _, ...compacted } = segment;
    const record: CompactionRecord = {
      kind: "compaction",
      id,
      atMs: clock.nowMs(),
      old: old.map(({ base, generation }) => ({ base, generation })),
      segments: [compacted],
    };
    stream.lsn = journal.note(record);
    const { heldBytes } = stream;
    stream.replaceSegments(old, [segment], newestUpTo);
    this.#parts.onHeld(stream, stream.heldBytes - heldBytes);
    cache.markDirty(stream);
    return true;
  }

  /** Whether these are the stream's segments still. */
  #areThere(stream: FileStream, old: readonly SegmentRow[]): boolean {
    const replaced = new Set(stream.replacedSegments.map(({ base }) => base));
    const stored = new Map(
      this.#parts.catalog.segments(stream.id).map((row) => [row.base, row.generation]),
    );
    return old.every(({ base, generation }) =>
      stored.get(base) === generation && !replaced.has(base)
    );
  }

  #checkGoesOn(): void {
    if (this.#isStopped) throw new Ended();
  }
}

/** The storage closes. */
class Ended extends Error {}

function isCompacted({ lifecycle, json, damage }: FileStream): boolean {
  return lifecycle === "there" && json && damage === undefined;
}

function first(ids: Set<number>): number | undefined {
  for (const id of ids) return id;
  return undefined;
}
