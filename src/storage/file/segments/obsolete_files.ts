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
  readonly #basesOf = new Map<number, Set<number>>();

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

  /** The stream's segments are to go. Their rows are the only list of most, and go before. */
  add(streamId: number, bases: readonly number[]): void {
    if (bases.length === 0) return;
    const known = this.#basesOf.get(streamId) ?? new Set();
    for (const base of bases) known.add(base);
    this.#basesOf.set(streamId, known);
  }

  /**
   * Removes all, once no row names them any more. What can't be removed is tried again with the next
   * checkpoint, and found by the sweep of the next start.
   */
  async remove(): Promise<void> {
    if (this.#basesOf.size === 0) return;
    // An answer that was made in this turn may have to open its file yet (`fileBlob`).
    await yieldToEventLoop();
    for (const [id, bases] of this.#basesOf) {
      this.#open.forget(id, [...bases]);
      for (const base of bases) if (this.#removeBoth(id, base)) bases.delete(base);
      if (bases.size === 0) this.#basesOf.delete(id);
    }
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
