import { ClientError, type ClientErrorCode } from "../../../client/errors/client_error.ts";

/** What became of one stream. */
export type Outcome =
  | CopiedOutcome
  /** The target had all of it already. */
  | { readonly outcome: "equal"; readonly sourceOffset: string; readonly targetOffset: string }
  /** `--dry-run`: the target has no such stream, or one that would be compared and gone on with. */
  | { readonly outcome: "would copy" | "would compare"; readonly bytes: number | undefined }
  /** The source has it no more; `missing` where it never had what an argument names. */
  | { readonly outcome: "gone" | "missing"; readonly reason: string }
  /** The target has something else by that name; `skipped` with `--skip-existing`. */
  | { readonly outcome: "refused" | "skipped"; readonly reason: string }
  | { readonly outcome: "failed"; readonly reason: string; readonly error: ClientError };

/** Something was copied. */
export interface CopiedOutcome {
  readonly outcome: "copied";
  /** What was appended to the target: messages of a JSON stream, else 0. */
  readonly messages: number;
  readonly bytes: number;
  /** It went on with a stream that this run has copied before, as `--follow` does. */
  readonly continued: boolean;
  /** What was there already, of an earlier run. */
  readonly resumedBytes: number;
  /** Both sides' SHA-256 of what was appended; `undefined` without `--check`. */
  readonly sha256: string | undefined;
  /** The stream that it was made a fork of. */
  readonly forkOf: string | undefined;
  /** It is a fork at the source, and has all of its content to itself at the target. */
  readonly flattened: boolean;
  readonly closed: boolean;
  readonly sourceOffset: string;
  readonly targetOffset: string;
}

/** The target has something else than the source. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Failures of one stream that say nothing about the others. */
const OF_ONE: ReadonlySet<ClientErrorCode> = new Set([
  "bad_request",
  "conflict",
  "damaged",
  "forbidden",
  "gone",
  "invalid_response",
  "not_found",
  "trimmed",
  "offset_mismatch",
  "sequence_gap",
  "stale_epoch",
  "stream_closed",
  "too_large",
]);

/** Whether a failure concerns one stream, so that the others are copied all the same. */
export function isOfOneStream(error: unknown): error is ClientError {
  return error instanceof ClientError && OF_ONE.has(error.code);
}

/** Whether there is no such stream. */
export function isMissing(error: unknown): error is ClientError {
  return error instanceof ClientError && (error.code === "not_found" || error.code === "gone");
}
