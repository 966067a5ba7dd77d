import { Gaps } from "../../gaps.ts";
import type { Catalog, SegmentRow, StreamRow } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import type { DamagedStreams } from "../directory/damaged_streams.ts";
import { type FileStream, streamFromRow, streamSummary } from "./file_stream.ts";

/** What a {@link RowLoader} works on. */
export interface RowLoaderParts {
  catalog: Pick<Catalog, "segmentAt" | "rewrittenSegments">;
  damaged: DamagedStreams;
  /**
   * Set after an unclean end: uses that were not stored yet are lost, so a stream that may have been
   * used up to then counts as used at the start.
   */
  usedUntilMs: number | undefined;
}

/** Makes streams of their rows. */
export class RowLoader {
  readonly #parts: RowLoaderParts;

  constructor(parts: RowLoaderParts) {
    this.#parts = parts;
  }

  /** The stream of a row, but for its forks. */
  load(row: StreamRow): FileStream {
    const stream = streamFromRow(row, this.#lastSegmentOf(row));
    stream.damage = this.#parts.damaged.reasonOf(row.id);
    // Only what is sealed is ever compacted: a stream with one segment has nothing that was.
    const sealedUpTo = stream.lastSegment?.base ?? 0;
    const mayHaveOlder = sealedUpTo > stream.ownStart;
    if (stream.json && (mayHaveOlder || stream.damage !== undefined)) {
      const rewritten = this.#parts.catalog.rewrittenSegments(row.id - 1, row.id);
      stream.setGaps(new Gaps(rewritten));
      // Of a compaction that was cut short newer messages may be in any that was sealed.
      if (mayHaveOlder && rewritten.length > 0) stream.compactedUpTo = sealedUpTo;
    }
    stream.publish(stream.tail, stream.closed);
    return stream;
  }

  /** What a row says, without data. */
  summary(row: StreamRow): FileStream {
    const stream = streamSummary(row);
    this.keepAlive(stream);
    return stream;
  }

  /**
   * Whether a stream counts as used at the start: its last uses may be lost, and it may live longer for
   * that, never shorter. That is stored, so that it isn't taken for over after the next crash.
   */
  keepAlive(stream: FileStream): boolean {
    const usedMs = this.#parts.usedUntilMs ?? 0;
    if (stream.lifetime.kind !== "ttl" || stream.accessedAtMs >= usedMs) return false;
    stream.accessedAtMs = usedMs;
    return true;
  }

  /**
   * The segment that a stream's bytes go on in. Where its row isn't what it has to be, the stream is set
   * aside; what the log still adds to it goes into a new segment.
   */
  #lastSegmentOf(row: StreamRow): SegmentRow | undefined {
    const { id, name, fork, tail, rest, earliest } = row;
    const { catalog, damaged } = this.#parts;
    const end = tail - rest.length;
    // One whose own bytes are all in its row has no segment to look for.
    if (end <= (fork?.point ?? 0)) return undefined;
    try {
      const segment = catalog.segmentAt(id, tail);
      if (segment !== undefined && segment.end === end) return segment;
      // All before was trimmed, and its segments have gone with that.
      if (end <= earliest) return undefined;
      const found = segment === undefined ? "none" : `one to ${segment.end}`;
      const reason = `The catalogue should have a segment up to offset ${end}, and has ${found}.`;
      damaged.add({ id, name, reason });
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.add({ id, name, reason: error.message });
    }
    return undefined;
  }
}
