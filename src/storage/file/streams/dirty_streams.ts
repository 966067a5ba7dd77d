import type { SegmentRow } from "../catalog/catalog.ts";
import type { FileStream } from "./file_stream.ts";

/** What the catalogue's rows lack: streams that have changed, and those that are gone. */
export class DirtyStreams {
  readonly #changed = new Map<number, FileStream>();
  readonly #deletedIds = new Set<number>();
  readonly #unstoredSegments = new Map<number, SegmentRow[]>();

  /** How many streams the next checkpoint has to store, and deletions. */
  get count(): number {
    return this.#changed.size + this.#deletedIds.size;
  }

  /** How many of these are streams in memory. */
  get changed(): number {
    return this.#changed.size;
  }

  /** The stream's row lacks something from now on. */
  add(stream: FileStream): void {
    stream.isDirty = true;
    this.#changed.set(stream.id, stream);
  }

  /** The stream's row lacks nothing any more. */
  delete(stream: FileStream): void {
    stream.isDirty = false;
    this.#changed.delete(stream.id);
  }

  /** The stream is gone for good. */
  addDeleted(stream: FileStream): void {
    this.delete(stream);
    this.#deletedIds.add(stream.id);
    const unstored = [...stream.replacedSegments, ...stream.changedSegments.values()];
    if (unstored.length > 0) this.#unstoredSegments.set(stream.id, unstored);
  }

  /** A stream is gone for good that isn't in memory, since its row is gone or can't be read. */
  addDeletedUnread(id: number): void {
    this.#deletedIds.add(id);
  }

  /** Whether a stream is gone for good, and its row perhaps not yet. */
  isDeleted(id: number): boolean {
    return this.#deletedIds.has(id);
  }

  /** Whether any stream is. */
  get hasDeleted(): boolean {
    return this.#deletedIds.size > 0;
  }

  /** The ids that the next checkpoint has to store, sorted. */
  ids(): number[] {
    return [...this.#changed.keys()].sort((a, b) => a - b);
  }

  /** The ids that the next checkpoint has to delete, sorted. */
  deletedIds(): number[] {
    return [...this.#deletedIds].sort((a, b) => a - b);
  }

  /** A deleted stream's segments that the catalogue may not know. */
  unstoredSegments(deletedId: number): readonly SegmentRow[] {
    return this.#unstoredSegments.get(deletedId) ?? [];
  }

  /** Forgets deletions that were stored. */
  forgetDeleted(ids: readonly number[]): void {
    for (const id of ids) {
      this.#deletedIds.delete(id);
      this.#unstoredSegments.delete(id);
    }
  }
}
