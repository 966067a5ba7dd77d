import { isJsonType } from "../../../protocol/content_type.ts";
import { messageEnds } from "../../../protocol/json.ts";
import { Gaps } from "../../gaps.ts";
import type { BlockRow, Catalog, SegmentRow, StreamRow } from "../catalog/catalog.ts";
import { isDamage } from "../directory/damage.ts";
import type { DamagedStreams } from "../directory/damaged_streams.ts";
import { RowBlocks } from "../segments/row_blocks.ts";
import { type FileStream, streamFromRow, streamSummary } from "./file_stream.ts";

/** What a {@link RowLoader} works on. */
export interface RowLoaderParts {
  catalog: Pick<Catalog, "segmentAt" | "rewrittenSegments" | "blocks">;
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
    const stream = streamFromRow(row, this.#heldBy(row));
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
   * What a stream's bytes go on in: its newest segment, or what it has in rows. Where the rows aren't what they
   * have to be, the stream is set aside; what the log still adds to it goes into a new segment.
   */
  #heldBy(row: StreamRow): Held {
    const { id, name, fork, tail, rest, earliest } = row;
    const { catalog, damaged } = this.#parts;
    const start = Math.max(fork?.point ?? 0, earliest);
    const end = tail - rest.length;
    // One whose own bytes are all in its row has neither.
    if (end <= (fork?.point ?? 0)) return NOTHING_HELD;
    let segment: SegmentRow | undefined;
    try {
      segment = catalog.segmentAt(id, tail);
      if (segment !== undefined && segment.end === end) {
        return { lastSegment: segment, rowBlocks: undefined };
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      // Blocks in the catalogue tell by themselves how far they go.
      damaged.add({ id, name, reason: error.message });
    }
    try {
      const blocks = catalog.blocks(id);
      if (blocks.at(-1)?.end === end) {
        return { lastSegment: undefined, rowBlocks: rowBlocksOf(row, blocks) };
      }
      // All before was trimmed, and what held it has gone with that.
      if (end <= start) return NOTHING_HELD;
      const found = segment === undefined ? "none" : `one to ${segment.end}`;
      const reason =
        `The catalogue should have a segment or blocks up to offset ${end}, and has ${found}.`;
      damaged.add({ id, name, reason });
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.add({ id, name, reason: error.message });
      // Of a small stream it is known which offsets can't be read: all that would be in its rows.
      if (segment === undefined && start < end) {
        const all = { end, atMs: row.lastAtMs, messages: row.messages - row.restMessages };
        const rowBlocks = new RowBlocks(start, row.earliestMessages, [all]);
        return { lastSegment: undefined, rowBlocks };
      }
    }
    return NOTHING_HELD;
  }
}

type Held = Pick<FileStream, "lastSegment" | "rowBlocks">;

const NOTHING_HELD: Held = { lastSegment: undefined, rowBlocks: undefined };

/** What is known of a small stream's blocks without their bytes. */
function rowBlocksOf(row: StreamRow, rows: readonly BlockRow[]): RowBlocks | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const blocks = rows.map(({ end, atMs, messages }) => ({ end, atMs, messages }));
  return new RowBlocks(first.base, messagesBefore(row, first), blocks);
}

/** As of a segment's first block: what came before may be trimmed. */
function messagesBefore(row: StreamRow, { base, end, messages, body }: BlockRow): number {
  if (base === (row.fork?.point ?? 0)) return 0;
  if (isJsonType(row.contentType)) return messages - messageEnds(body).length;
  const { earliest, earliestMessages } = row;
  return earliest >= base && earliest < end ? earliestMessages : messages - 1;
}
