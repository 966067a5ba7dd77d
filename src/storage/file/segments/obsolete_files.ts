import { getLogger } from "@logtape/logtape";
import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";
import type { OpenSegments } from "./open_segments.ts";
import { type SegmentName, segmentPaths } from "../directory/paths.ts";
import type { SegmentWriter } from "./writer.ts";

const logger = getLogger(["durable-streams", "storage", "checkpoint"]);

/** A segment whose files are to go. */
export interface ObsoleteSegment extends SegmentName {
  /** How long it is, as far as its row told. */
  readonly bytes: number;
}

/** Segments that no stream has any more, until both files of each are removed. */
export class ObsoleteFiles {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #open: OpenSegments;
  readonly #writer: Pick<SegmentWriter, "forget">;
  readonly #segments = new Map<string, ObsoleteSegment>();
  #sinceMs: number | undefined;

  /**
   * @param folder where the segments are
   * @param writer may have written to them, and not made them durable yet
   */
  constructor(
    fileSystem: FileSystem,
    folder: string,
    open: OpenSegments,
    writer: Pick<SegmentWriter, "forget">,
  ) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#open = open;
    this.#writer = writer;
  }

  /** Whether there is nothing to remove. */
  get isEmpty(): boolean {
    return this.#segments.size === 0;
  }

  /** How many bytes are to go, as far as rows told, and since when the oldest of them are. */
  get waiting(): { readonly bytes: number; readonly sinceMs: number | undefined } {
    let bytes = 0;
    for (const segment of this.#segments.values()) bytes += segment.bytes;
    return { bytes, sinceMs: this.#sinceMs };
  }

  /** These are to go. Their rows are the only list of most, and go before. */
  add(segments: readonly ObsoleteSegment[], nowMs: number): void {
    if (segments.length === 0) return;
    for (const segment of segments) {
      const { streamId, base, generation } = segment;
      this.#segments.set(`${streamId}/${base}/${generation}`, segment);
    }
    this.#sinceMs ??= nowMs;
  }

  /**
   * Removes all, once no row names them any more. What can't be removed is tried again with the next
   * checkpoint, and found by the sweep of the next start.
   */
  async remove(): Promise<void> {
    if (this.isEmpty) return;
    // An answer that was made in this turn may have to open its file yet (`fileBlob`).
    await yieldToEventLoop();
    for (const [key, segment] of this.#segments) {
      this.#open.forget(segment);
      if (this.#removeBoth(segment)) this.#segments.delete(key);
    }
    if (this.isEmpty) this.#sinceMs = undefined;
  }

  #removeBoth(segment: SegmentName): boolean {
    this.#writer.forget(segment);
    const paths = segmentPaths(this.#folder, segment.streamId, segment.base, segment.generation);
    try {
      this.#fileSystem.remove(paths.log);
      this.#fileSystem.remove(paths.index);
      return true;
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
      logger.warn("A segment's file that nobody needs stays for now: {message}", {
        message: error.message,
      });
      return false;
    }
  }
}
