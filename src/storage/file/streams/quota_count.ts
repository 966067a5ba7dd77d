import { getLogger } from "@logtape/logtape";
import { Gaps } from "../../gaps.ts";
import type { Quota, StoredCount } from "../../quota_account.ts";
import type { Quotas } from "../../quotas.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Throttle } from "../wal/throttle.ts";
import type { FileStream } from "./file_stream.ts";
import type { StreamCache } from "./stream_cache.ts";

const logger = getLogger(["durable-streams", "storage", "quotas"]);

/** So many rows are looked at before others run: they take a millisecond. */
const SLICE_ROWS = 100;
/** Of the log between two slices. */
const BATCHES_BETWEEN_SLICES = 2;

const NO_SNAPSHOTS: ReadonlyMap<number, number> = new Map();

/** What a {@link QuotaCount} works on. */
export interface QuotaCountParts {
  readonly quotas: Quotas;
  readonly catalog: Pick<Catalog, "rowsAfter" | "snapshots" | "rewrittenSegments">;
  readonly cache: Pick<StreamCache, "loadedStreams" | "loadedStream" | "current">;
  readonly throttle: Throttle;
  isStopped(): boolean;
}

/**
 * Counts what a directory holds under quotas when it is opened, or gets quotas of other patterns: first the
 * streams that are in memory, then the rows, by their ids, as others run. A stream is counted as it is at
 * that moment, and what happens to it from then on the quotas follow themselves; what happens before is in
 * what is counted.
 */
export class QuotaCount implements StoredCount {
  readonly #parts: QuotaCountParts;
  /** Later streams count from the first. */
  readonly #firstNewId: number;
  readonly #loaded = new Set<number>();
  /** All ids up to this one are counted, or gone. */
  #upTo = 0;

  /**
   * @param firstNewId no stream has this id or a greater one
   * @param added those that don't know what is there; all unless given
   */
  constructor(parts: QuotaCountParts, firstNewId: number, added?: readonly Quota[]) {
    this.#parts = parts;
    this.#firstNewId = firstNewId;
    const { quotas, cache } = parts;
    quotas.beginCount(this, added);
    // Some of them may have no row yet.
    for (const stream of cache.loadedStreams()) {
      const stored = stream.keptSnapshot === undefined
        ? this.#storedSnapshots(stream.id - 1, stream.id)
        : NO_SNAPSHOTS;
      quotas.countStored(this, { name: stream.name, bytes: heldBytes(stream, stored) });
      this.#loaded.add(stream.id);
    }
  }

  includes(id: number): boolean {
    return id <= this.#upTo || id >= this.#firstNewId || this.#loaded.has(id);
  }

  /** How long the snapshots are that rows have of these ids, after the first and up to the second. */
  #storedSnapshots(afterId: number, upToId: number): ReadonlyMap<number, number> {
    const rows = this.#parts.catalog.snapshots(afterId, upToId);
    return rows.length === 0
      ? NO_SNAPSHOTS
      : new Map(rows.map(({ streamId, bytes }) => [streamId, bytes]));
  }

  /** Counts the rows. Where that fails, what wasn't counted has room until the next start. */
  async run(): Promise<void> {
    const { quotas, throttle, isStopped } = this.#parts;
    try {
      while (this.#countSlice()) {
        await throttle.yieldFor(BATCHES_BETWEEN_SLICES);
        if (isStopped()) return;
      }
    } catch (error) {
      if (isStopped()) return;
      logger.error("Not all that is stored could be counted for quotas: {error}", { error });
      return;
    }
    quotas.endCount(this);
    logger.debug("Counted what is stored for quotas.", { accounts: quotas.status().accounts });
  }

  /** Whether there may be more. */
  #countSlice(): boolean {
    const { quotas, catalog, cache } = this.#parts;
    const { rows, lastId } = catalog.rowsAfter(this.#upTo, SLICE_ROWS);
    const upTo = lastId ?? this.#upTo;
    const snapshots = this.#storedSnapshots(this.#upTo, upTo);
    const rewritten = Map.groupBy(
      catalog.rewrittenSegments(this.#upTo, upTo),
      ({ streamId }) => streamId,
    );
    for (const row of rows) {
      if (this.includes(row.id)) continue;
      const stream = cache.current(row.id, row);
      if (stream === undefined) continue;
      // One in memory knows it.
      if (cache.loadedStream(row.id) === undefined) {
        stream.setGaps(new Gaps(rewritten.get(row.id) ?? []));
      }
      quotas.countStored(this, { name: row.name, bytes: heldBytes(stream, snapshots) });
    }
    if (lastId === undefined || lastId >= this.#firstNewId) return false;
    this.#upTo = lastId;
    return true;
  }
}

/** @param stored the snapshots of rows, for streams whose own wasn't looked for */
function heldBytes(stream: FileStream, stored: ReadonlyMap<number, number>): number {
  const { id, heldBytes, keptSnapshot } = stream;
  const snapshotBytes = keptSnapshot === undefined ? stored.get(id) : keptSnapshot?.bytes;
  return heldBytes + (snapshotBytes ?? 0);
}
