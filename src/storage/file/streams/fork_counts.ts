import type { Catalog } from "../catalog/catalog.ts";
import type { DirtyStreams } from "./dirty_streams.ts";
import type { FileStream } from "./file_stream.ts";

/** How many forks a stream has that isn't in memory: its rows', with what these lack. */
export class ForkCounts {
  readonly #catalog: Pick<Catalog, "countForks" | "forkIds">;
  readonly #dirty: Pick<DirtyStreams, "hasDeleted" | "isDeleted">;
  /** Ids of forks that may have no row, by their source's. */
  readonly #unstored = new Map<number, Set<number>>();

  constructor(
    catalog: Pick<Catalog, "countForks" | "forkIds">,
    dirty: Pick<DirtyStreams, "hasDeleted" | "isDeleted">,
  ) {
    this.#catalog = catalog;
    this.#dirty = dirty;
  }

  /** A stream was made, perhaps as a fork. */
  add({ id, fork }: FileStream): void {
    if (fork === undefined) return;
    const forks = this.#unstored.get(fork.sourceId) ?? new Set();
    this.#unstored.set(fork.sourceId, forks.add(id));
  }

  /** It has a row, or is gone. */
  forget({ id, fork }: FileStream): void {
    if (fork === undefined) return;
    const forks = this.#unstored.get(fork.sourceId);
    forks?.delete(id);
    if (forks?.size === 0) this.#unstored.delete(fork.sourceId);
  }

  /** The forks of a stream. */
  count(sourceId: number): number {
    const unstored = this.#unstored.get(sourceId);
    if (unstored === undefined && !this.#dirty.hasDeleted) {
      return this.#catalog.countForks(sourceId);
    }
    return this.idsOf(sourceId).length;
  }

  /** Their ids. */
  idsOf(sourceId: number): number[] {
    const forks = new Set(this.#catalog.forkIds(sourceId));
    for (const fork of this.#unstored.get(sourceId) ?? []) forks.add(fork);
    return [...forks].filter((fork) => !this.#dirty.isDeleted(fork));
  }
}
