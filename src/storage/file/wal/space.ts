import { LOG_HEADER_BYTES } from "./format.ts";

/** Room in a log's files. */
export interface LogSpace {
  /** What is left of the file that is written to. */
  leftBytes: number;
  /** Sizes of the files that follow. */
  recycledSizes: readonly number[];
  /** As in {@link needsOwnFile}. */
  fullSizeBytes: number;
}

/** Whether a batch doesn't fit into a file of the usual size: it gets one that holds nothing else. */
export function needsOwnFile(batchBytes: number, fullSizeBytes: number): boolean {
  return batchBytes + LOG_HEADER_BYTES > fullSizeBytes;
}

/**
 * The first batch that finds no place in the files that are there, where they are written one after the
 * other as the log writer does it: what doesn't fit into a file's rest goes to another one.
 *
 * That is foreseen here, and no place is reserved when a record is added. Who has to wait for room has to
 * do it before it is decided, when neither the record's length is known nor whether there will be one (a
 * refusal or a duplicate has none); from its decision to its record nothing may wait. And a batch is
 * never split: as long as records join it, it may outgrow the place that it had, up to when it is written.
 *
 * @param batches their sizes in bytes, in the order in which they are written
 * @returns its size; `undefined` where all have a place
 */
export function firstUnallocated(batches: Iterable<number>, space: LogSpace): number | undefined {
  const recycled = [...space.recycledSizes];
  let left = space.leftBytes;
  for (const bytes of batches) {
    if (bytes > left) {
      const [sizeBytes] = recycled.splice(bestFit(recycled, bytes + LOG_HEADER_BYTES), 1);
      if (sizeBytes === undefined) return bytes;
      left = needsOwnFile(bytes, space.fullSizeBytes) ? bytes : sizeBytes - LOG_HEADER_BYTES;
    }
    left -= bytes;
  }
  return undefined;
}

/** The shortest of the files that is long enough; past the last one where none is. */
export function bestFit(sizes: readonly number[], wantedBytes: number): number {
  let best = sizes.length;
  sizes.forEach((sizeBytes, i) => {
    if (sizeBytes >= wantedBytes && sizeBytes < (sizes[best] ?? Infinity)) best = i;
  });
  return best;
}
