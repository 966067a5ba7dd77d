import { getLogger } from "@logtape/logtape";
import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";
import type { OpenSegments } from "./open_segments.ts";
import { segmentPaths } from "../directory/paths.ts";
import type { SegmentWriter } from "./writer.ts";

const logger = getLogger(["durable-streams", "storage", "checkpoint"]);

/** What deleted streams leave behind: segments, until both files of each are removed. */
export class ObsoleteFiles {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #open: OpenSegments;
  readonly #writer: Pick<SegmentWriter, "forget">;
  /** For each stream its segments' lengths by their bases. */
  readonly #segmentsOf = new Map<number, Map<number, number>>();
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
    return this.#segmentsOf.size === 0;
  }

  /** How many bytes are to go, as far as rows told, and since when the oldest of them are. */
  get waiting(): { readonly bytes: number; readonly sinceMs: number | undefined } {
    let bytes = 0;
    for (const segments of this.#segmentsOf.values()) {
      for (const length of segments.values()) bytes += length;
    }
    return { bytes, sinceMs: this.#sinceMs };
  }

  /** The stream's segments are to go. Their rows are the only list of most, and go before. */
  add(
    streamId: number,
    segments: readonly { readonly base: number; readonly bytes: number }[],
    nowMs: number,
  ): void {
    if (segments.length === 0) return;
    const known = this.#segmentsOf.get(streamId) ?? new Map<number, number>();
    for (const { base, bytes } of segments) known.set(base, bytes);
    this.#segmentsOf.set(streamId, known);
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
    for (const [id, segments] of this.#segmentsOf) {
      this.#open.forget(id, [...segments.keys()]);
      for (const base of segments.keys()) if (this.#removeBoth(id, base)) segments.delete(base);
      if (segments.size === 0) this.#segmentsOf.delete(id);
    }
    if (this.isEmpty) this.#sinceMs = undefined;
  }

  #removeBoth(id: number, base: number): boolean {
    this.#writer.forget(id, base);
    const paths = segmentPaths(this.#folder, id, base);
    try {
      this.#fileSystem.remove(paths.log);
      this.#fileSystem.remove(paths.index);
      return true;
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
      logger.warn("A deleted stream's file stays for now: {message}", { message: error.message });
      return false;
    }
  }
}
