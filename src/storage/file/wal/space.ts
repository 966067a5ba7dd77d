import { LOG_HEADER_BYTES } from "./format.ts";

/** Room in a log's files. */
export interface LogSpace {
  /** What is left of the file that is written to. */
  leftBytes: number;
  /** Sizes of the files that follow. */
  recycledSizes: readonly number[];
  /** A batch that doesn't fit into a file of this size has one to itself, which is left behind it. */
  fullSizeBytes: number;
}

/**
 * The first batch that finds no place in the files that are there, where they are written one after the
 * other as the log writer does it: what doesn't fit into a file's rest goes to another one.
 *
 * @param batches their sizes in bytes, in the order in which they are written
 * @returns its size; `undefined` where all have a place
 */
export function firstUnallocated(batches: Iterable<number>, space: LogSpace): number | undefined {
  const spares = [...space.recycledSizes];
  let left = space.leftBytes;
  for (const bytes of batches) {
    if (bytes > left) {
      const [sizeBytes] = spares.splice(bestFit(spares, bytes + LOG_HEADER_BYTES), 1);
      if (sizeBytes === undefined) return bytes;
      const isAlone = bytes + LOG_HEADER_BYTES > space.fullSizeBytes;
      left = isAlone ? bytes : sizeBytes - LOG_HEADER_BYTES;
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
