/** What SQLite's errors are told apart by here. */
export type SqliteTrouble = "busy" | "full" | "cannot_open" | "other";

const BUSY = 5;
const FULL = 13;
/** A file of its own: for want of descriptors, where the database itself is open. */
const CANNOT_OPEN = 14;
/** The memory that connections share has no room: the file behind it can't grow. */
const SHARED_MEMORY_SIZE = 4874;

/** What an error of SQLite's says, by its number; some come from Deno with their text alone. */
export function sqliteTrouble(error: unknown): SqliteTrouble {
  if (!(error instanceof Error)) return "other";
  const code = "errcode" in error ? error.errcode : undefined;
  if (code === FULL || code === SHARED_MEMORY_SIZE || /disk is full/.test(error.message)) {
    return "full";
  }
  const isPrimary = (wanted: number) => typeof code === "number" && (code & 0xff) === wanted;
  if (isPrimary(CANNOT_OPEN) || /unable to open database file/.test(error.message)) {
    return "cannot_open";
  }
  return code === BUSY || /is locked/.test(error.message) ? "busy" : "other";
}
