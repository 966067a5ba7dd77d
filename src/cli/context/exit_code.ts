import { ClientError } from "../../client/errors/client_error.ts";

/** The program's exit codes. */
export const EXIT = {
  ok: 0,
  /** Any failure that no other code names. */
  failure: 1,
  /** The command line, the environment or the configuration is wrong. */
  usage: 2,
  /** No such stream, or one that was deleted. */
  notFound: 3,
  /** The stream is not as the command wants it: other properties, closed, or another writer came first. */
  conflict: 4,
  /** The server can't be reached or fails: the same command may succeed later. */
  unavailable: 5,
} as const;

/** The exit code for an error that a command threw. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof ClientError)) return EXIT.failure;
  switch (error.code) {
    case "not_found":
    case "gone":
    case "trimmed":
      return EXIT.notFound;
    case "conflict":
    case "stream_closed":
    case "sequence_conflict":
    case "offset_mismatch":
    case "stale_epoch":
    case "sequence_gap":
    case "fenced":
      return EXIT.conflict;
    case "network":
    case "timeout":
    case "unavailable":
    case "rate_limited":
      return EXIT.unavailable;
    case "invalid_argument":
      return EXIT.usage;
    default:
      return EXIT.failure;
  }
}
