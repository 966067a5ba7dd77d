import { StreamError } from "../../../src/protocol/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { Violation } from "../history/violation.ts";
import type { FrontEnd } from "./front_end.ts";

/** Refusals after which nobody knows whether it has happened or will. */
const OPEN_ENDED: ReadonlySet<string> = new Set([
  "overloaded",
  "storage_closed",
  "storage_failed",
  "storage_full",
  "storage_unreachable",
  "too_many_requests",
]);

/** What a call came to. */
export type Answer<T> =
  | { readonly kind: "done"; readonly result: T }
  | { readonly kind: "refused"; readonly error: StreamError }
  /** It has happened, will, or never does. */
  | { readonly kind: "unknown"; readonly reason: string };

/** The answer of a front end, which may die before it gives one, or be too late with it. */
export async function askOf<T>(
  frontEnd: FrontEnd,
  timeout: Promise<void>,
  call: (storage: Storage) => Promise<T>,
): Promise<Answer<T>> {
  const isLate = timeout.then(() => "late" as const);
  const opened = await Promise.race([
    frontEnd.died,
    isLate,
    // One that stands still takes the request when it goes on.
    frontEnd.running().then(() => frontEnd.storage).catch(() => "not open" as const),
  ]);
  if (typeof opened === "string") return { kind: "unknown", reason: opened };
  try {
    const answer = call(opened).then((result) => ({ result }));
    const result = await Promise.race([frontEnd.died, isLate, answer]);
    if (typeof result === "string") return { kind: "unknown", reason: result };
    return { kind: "done", ...result };
  } catch (error) {
    if (!(error instanceof StreamError)) throw new Violation(`An answer failed: ${stackOf(error)}`);
    if (OPEN_ENDED.has(error.code)) return { kind: "unknown", reason: error.code };
    if (error.code === "damaged") throw new Violation(`Nothing is damaged: ${error.message}`);
    return { kind: "refused", error };
  }
}

/** An error with where it comes from. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
