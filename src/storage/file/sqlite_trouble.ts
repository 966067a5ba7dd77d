/**
 * What SQLite's errors are told apart by here. `unavailable`: the system didn't let it read or write,
 * which may be over the next time and says nothing of what is stored.
 */
export type SqliteTrouble = "busy" | "full" | "unavailable" | "other";

const BUSY = 5;
const FULL = 13;
/** The memory that connections share has no room: the file behind it can't grow. */
const SHARED_MEMORY_SIZE = 4874;

/** No memory, an I/O error, a file that can't be opened, a lock that can't be had. */
const UNAVAILABLE: readonly number[] = [7, 10, 14, 15];
const PRIMARY_CODE = 0xff;

/** What an error of SQLite's says, by its number; some come from Deno with their text alone. */
export function sqliteTrouble(error: unknown): SqliteTrouble {
  if (!(error instanceof Error)) return "other";
  const code = "errcode" in error ? error.errcode : undefined;
  if (code === FULL || code === SHARED_MEMORY_SIZE || /disk is full/.test(error.message)) {
    return "full";
  }
  if (code === BUSY || /is locked/.test(error.message)) return "busy";
  const isUnavailable = typeof code === "number" && UNAVAILABLE.includes(code & PRIMARY_CODE) ||
    /disk I\/O error|unable to open database file|out of memory/.test(error.message);
  return isUnavailable ? "unavailable" : "other";
}
