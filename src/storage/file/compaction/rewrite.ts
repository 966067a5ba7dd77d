import type { FileSystem } from "../../../env/file_system.ts";
import {
  type CompactionPolicy,
  DEFAULT_DELETE_KEEP_MS,
} from "../../../protocol/compaction_policy.ts";
import { KeyTable } from "../../compaction/key_table.ts";
import { MessageKeys } from "../../compaction/message_key.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import type { OpenSegments } from "../segments/open_segments.ts";
import type { Pacer } from "./pacer.ts";
import type { CompactionPlan } from "./plan.ts";
import { SegmentBuilder } from "./segment_builder.ts";
import { scanSegment } from "./segment_scan.ts";
import { Survivors } from "./survivors.ts";

/** What a rewriting works on. */
export interface RewriteParts {
  readonly fileSystem: FileSystem;
  /** Where the segments are. */
  readonly folder: string;
  /** The directory's. */
  readonly uuid: string;
  readonly open: OpenSegments;
  readonly pacer: Pacer;
  /** A new segment isn't begun before one has half of this. */
  readonly segmentBytes: number;
  /** Nor after it was made of so many old ones: these are all named in its record. */
  readonly maxReplaced: number;
  /** What the table of keys takes at most. */
  readonly memoryBytes: number;
  readonly nowMs: number;
  readonly seed: number;
  /**
   * Puts a new segment, which is durable, in the place of those that it was made of; false where they
   * aren't there any more as they were.
   *
   * @param newestUpTo before this are the newer messages of all that is missing in it
   */
  replace(
    old: readonly SegmentRow[],
    segment: SegmentRow,
    newestUpTo: number,
  ): Promise<boolean>;
  /** @throws where the compaction is to end */
  checkGoesOn(): void;
}

/** What a compaction came to. */
export interface RewriteResult {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Writes a stream's sealed segments anew, without the messages that newer ones of the same key stand for. It
 * reads them twice: first for where each key was written last, as far as there is room for that, then for
 * what stays. Newer messages that aren't sealed yet don't count: else what lies before them would lack keys,
 * wherever a fork begins or a reader stops. With too many keys for the table it ends earlier, and the next
 * compaction goes on from there.
 *
 * @throws {StreamError} `damaged`
 * @throws {FileSystemError}
 */
export async function rewriteSegments(
  plan: CompactionPlan,
  policy: CompactionPolicy,
  parts: RewriteParts,
): Promise<RewriteResult> {
  return await new Rewriting(plan, policy, parts).run();
}

class Rewriting {
  readonly #plan: CompactionPlan;
  readonly #parts: RewriteParts;
  readonly #keys: MessageKeys;
  readonly #newest: KeyTable;
  readonly #deletionsBeforeMs: number;
  /** Where the last segment ends that was looked at for newer messages. */
  #newestUpTo = 0;
  #bytesBefore = 0;
  #bytesAfter = 0;

  constructor(plan: CompactionPlan, policy: CompactionPolicy, parts: RewriteParts) {
    this.#plan = plan;
    this.#parts = parts;
    this.#keys = new MessageKeys(policy.key, parts.seed);
    this.#newest = new KeyTable(parts.memoryBytes);
    this.#deletionsBeforeMs = plan.isFromStart
      ? parts.nowMs - (policy.deleteKeepMs ?? DEFAULT_DELETE_KEEP_MS)
      : -Infinity;
  }

  async run(): Promise<RewriteResult> {
    const { segments, cleanCount } = this.#plan;
    const count = await this.#findNewest(cleanCount);
    await this.#findDeletions(segments.slice(0, cleanCount));
    await this.#write(segments.slice(0, count));
    return { bytesBefore: this.#bytesBefore, bytesAfter: this.#bytesAfter };
  }

  /** Notes where each key was written last; up to which segment that was possible. */
  async #findNewest(cleanCount: number): Promise<number> {
    const { segments } = this.#plan;
    for (let index = cleanCount; index < segments.length; index++) {
      let isFull = false;
      this.#newestUpTo = segments[index]?.end ?? 0;
      await this.#scan(segments[index], ({ bytes, start, position }) => {
        if (this.#keys.read(bytes, start)) {
          isFull = !this.#newest.add(this.#keys.hash, position) || isFull;
        }
      });
      // One that has too many keys by itself is written with those that the table knows.
      if (isFull) return Math.max(index, cleanCount + 1);
    }
    return segments.length;
  }

  /** Deletions that may go take what they delete with them, also where that was compacted before. */
  async #findDeletions(segments: readonly SegmentRow[]): Promise<void> {
    if (this.#deletionsBeforeMs === -Infinity) return;
    for (const segment of segments) {
      await this.#scan(segment, ({ bytes, start, position, atMs }) => {
        if (atMs >= this.#deletionsBeforeMs) return;
        if (this.#keys.read(bytes, start) && this.#keys.isDeletion) {
          this.#newest.add(this.#keys.hash, position);
        }
      });
    }
  }

  async #write(segments: readonly SegmentRow[]): Promise<void> {
    const survivors = new Survivors({
      keys: this.#keys,
      newest: this.#newest,
      deletionsBeforeMs: this.#deletionsBeforeMs,
    });
    for (let from = 0; from < segments.length;) {
      const next = await this.#writeOne(segments, from, survivors);
      if (next === undefined) return;
      from = next;
    }
  }

  /** Writes a new segment of some old ones; the number of the next of these, if it goes on. */
  async #writeOne(
    segments: readonly SegmentRow[],
    from: number,
    survivors: Survivors,
  ): Promise<number | undefined> {
    const { fileSystem, folder, uuid, segmentBytes, maxReplaced } = this.#parts;
    const first = segments[from];
    if (first === undefined) return undefined;
    const { streamId, base, generation } = first;
    const name = { streamId, base, generation: generation + 1 };
    const builder = new SegmentBuilder(fileSystem, folder, uuid, name);
    let isReplaced = false;
    try {
      let next = from;
      const end = Math.min(segments.length, from + maxReplaced);
      do await this.#copy(segments[next++], survivors, builder); while (
        next < end && builder.bytes < segmentBytes / 2
      );
      const segment = await builder.finish();
      const old = segments.slice(from, next);
      this.#parts.checkGoesOn();
      isReplaced = await this.#parts.replace(old, segment, this.#newestUpTo);
      this.#bytesBefore += old.reduce((sum, { bytes }) => sum + bytes, 0);
      this.#bytesAfter += segment.bytes;
      return isReplaced ? next : undefined;
    } finally {
      builder.close();
      if (!isReplaced) builder.discard();
    }
  }

  async #copy(
    segment: SegmentRow | undefined,
    survivors: Survivors,
    builder: SegmentBuilder,
  ): Promise<void> {
    await this.#scan(
      segment,
      (message) => {
        const { bytes, start, end, position, number, atMs } = message;
        const isLast = position + end - start === segment?.end;
        if (!survivors.stays(message, isLast)) return;
        builder.add({ bytes: bytes.subarray(start, end), position, number, atMs });
      },
      () => builder.syncIfDue(),
    );
  }

  async #scan(
    segment: SegmentRow | undefined,
    onMessage: Parameters<typeof scanSegment>[2],
    onWindow: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    if (segment === undefined) return;
    const { open, pacer, checkGoesOn } = this.#parts;
    pacer.begin();
    await scanSegment(open, segment, onMessage, async () => {
      await onWindow();
      await pacer.rest();
      checkGoesOn();
    });
  }
}
