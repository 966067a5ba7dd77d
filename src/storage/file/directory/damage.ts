import { type DamagedRange, type Failure, StreamError } from "../../../protocol/errors.ts";

/** Why a directory can't be opened. */
export type DirectoryErrorCode =
  | "in_use"
  | "empty"
  | "foreign"
  | "unknown_version"
  | "not_writable"
  | "full"
  | "incomplete"
  | "damaged";

/**
 * A directory that can't be opened: which file, what is wrong with it and what to do.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { DirectoryError } from "./damage.ts";
 * import { openFileStorage } from "../open.ts";
 *
 * const dir = await Deno.makeTempDir();
 * const error = await openFileStorage({ dir, mustExist: true }).catch((error: unknown) => error);
 * assert(error instanceof DirectoryError && error.code === "empty");
 * await Deno.remove(dir);
 * ```
 */
export class DirectoryError extends Error {
  override readonly name = "DirectoryError";
  readonly code: DirectoryErrorCode;
  readonly path: string;

  constructor(code: DirectoryErrorCode, path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options);
    this.code = code;
    this.path = path;
  }
}

/** Where a file doesn't hold the bytes that were written there. */
export interface DamageSite {
  path: string;
  /** Byte in the file. */
  filePosition: number;
  expected: string;
  found: string;
}

/** What to do where a start stops: nothing that is removed by hand can be repaired later. */
export const REPAIR_ADVICE =
  "Nothing was changed. Stop here and copy the directory; then `durable-streams check` says what is " +
  "damaged, and `durable-streams repair` repairs what it can and names what is lost " +
  "(docs/MAINTENANCE.md). Or restore the directory from a copy that was taken as a whole.";

/** The sentence that names file and byte. */
export function describeDamage(site: DamageSite): string {
  return `${site.path} is damaged at byte ${site.filePosition}: expected ${site.expected}, found ${site.found}`;
}

/**
 * Damage found while serving: an error of its own, never wrong bytes.
 *
 * @param range the offsets of the stream that it makes unreadable, where they are known
 */
export function damagedRead(site: DamageSite, range?: DamagedRange): StreamError {
  const failure: Failure = range === undefined ? { code: "damaged" } : { code: "damaged", range };
  return new StreamError(failure, `${describeDamage(site)}.`);
}

/** Whether something failed because the bytes on disk aren't the ones that were written. */
export function isDamage(error: unknown): error is StreamError {
  return error instanceof StreamError && error.code === "damaged";
}

/** Damage found while opening, which stops the start. */
export function damagedDirectory(site: DamageSite, advice: string): DirectoryError {
  return new DirectoryError(
    "damaged",
    site.path,
    `damaged at byte ${site.filePosition}: expected ${site.expected}, found ${site.found}. ${advice}`,
  );
}
