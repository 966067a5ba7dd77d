import type { Bytes } from "../protocol/bytes.ts";

/** How long the extents are that are kept. */
export const EXTENT_BYTES = 1024 * 1024;

/** Some 16 MiB, whatever the number of streams. */
const LIMIT_EXTENTS = 16;

const recycled: Bytes[] = [];

/**
 * Extents that no stream needs any more, for the next that does: memory that a process gets anew has to
 * be mapped and filled with zeros page by page, which costs several times what copying into it does.
 */
export const recycledExtents = {
  /** One to use, whatever is in it; `undefined` where there is none. */
  take(): Bytes | undefined {
    return recycled.pop();
  },
  /** Keeps `bytes`, which nobody may read or write from now on, if they are an extent and there is room. */
  give(bytes: Bytes): void {
    if (bytes.length === EXTENT_BYTES && recycled.length < LIMIT_EXTENTS) recycled.push(bytes);
  },
};
