import type { Bytes } from "../protocol/bytes.ts";

/** How long the extents are that are kept. */
export const EXTENT_BYTES = 1024 * 1024;

/** Some 16 MiB, whatever the number of streams. */
const LIMIT_EXTENTS = 16;

const recycled: Bytes[] = [];

/** How many read each extent, by its memory. */
const readers = new Map<ArrayBuffer, number>();
/** Those of them that were given meanwhile. */
const given = new Map<ArrayBuffer, Bytes>();

/**
 * Extents that no stream needs any more, for the next that does: memory that a process gets anew has to
 * be mapped and filled with zeros page by page, which costs several times what copying into it does.
 */
export const recycledExtents = {
  /** One to use, whatever is in it; `undefined` where there is none. */
  take(): Bytes | undefined {
    return recycled.pop();
  },
  /**
   * Keeps `bytes`, which nobody may read or write from now on except those who hold them, if they are an
   * extent and there is room.
   */
  give(bytes: Bytes): void {
    if (bytes.length !== EXTENT_BYTES) return;
    if (readers.has(bytes.buffer)) given.set(bytes.buffer, bytes);
    else if (recycled.length < LIMIT_EXTENTS) recycled.push(bytes);
  },
  /** Says that an extent is read: it isn't used for anything else until {@link release}. */
  hold(memory: ArrayBuffer): void {
    readers.set(memory, (readers.get(memory) ?? 0) + 1);
  },
  /** Takes back one {@link hold}. */
  release(memory: ArrayBuffer): void {
    const left = (readers.get(memory) ?? 0) - 1;
    if (left > 0) return void readers.set(memory, left);
    readers.delete(memory);
    const bytes = given.get(memory);
    if (bytes === undefined) return;
    given.delete(memory);
    recycledExtents.give(bytes);
  },
};
