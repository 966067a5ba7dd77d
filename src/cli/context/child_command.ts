import type { Bytes } from "../../protocol/bytes.ts";
import type { Environment } from "../flags/flag_values.ts";

/** A command of the user's, run by this program. */
export interface ChildCommand {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  /** Added to this program's own environment. */
  readonly environment: Environment;
  /** Its whole stdin; its other standard streams are this program's. */
  readonly input: Bytes;
  /** Aborting it sends SIGTERM, and after a while SIGKILL. */
  readonly signal: AbortSignal;
}

/** How a child ended: its exit code, or the signal that ended it. */
export type ChildEnd = number | string;

/** The program can't be started. */
export class NoSuchProgram extends Error {
  override readonly name = "NoSuchProgram";
}
