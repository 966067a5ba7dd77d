/**
 * The kinds of SQLite's errors. `unavailable`: the system didn't let it read or write, which may succeed
 * the next time and says nothing about what is stored.
 */
export type SqliteErrorKind = "busy" | "full" | "cannot_open" | "unavailable" | "other";

const BUSY = 5;
const FULL = 13;
/** A file of its own: for want of descriptors, where the database itself is open. */
const CANNOT_OPEN = 14;
/** The memory that connections share has no room: the file behind it can't grow. */
const SHARED_MEMORY_SIZE = 4874;

/** An I/O error, a lock that can't be had. */
const UNAVAILABLE: readonly number[] = [10, 15];
/** An I/O error only by its name: the file is shorter than its pages say. */
const SHORT_READ = 522;

/** The kind of an error, by SQLite's number for it; some come from Deno with their text alone. */
export function sqliteErrorKind(error: unknown): SqliteErrorKind {
  if (!(error instanceof Error)) return "other";
  const code = "errcode" in error ? error.errcode : undefined;
  if (code === FULL || code === SHARED_MEMORY_SIZE || /disk is full/.test(error.message)) {
    return "full";
  }
  if (code === BUSY || /is locked/.test(error.message)) return "busy";
  const isPrimary = (wanted: number) => typeof code === "number" && (code & 0xff) === wanted;
  if (isPrimary(CANNOT_OPEN) || /unable to open database file/.test(error.message)) {
    return "cannot_open";
  }
  if (code === SHORT_READ) return "other";
  const isUnavailable = UNAVAILABLE.some(isPrimary) || /disk I\/O error/.test(error.message);
  return isUnavailable ? "unavailable" : "other";
}
