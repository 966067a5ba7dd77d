import type { RequestAdditions } from "./headers_option.ts";

/** Every call takes these. */
export interface CallOptions extends RequestAdditions {
  /** Aborting it ends the call, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A call's own signal: aborting it ends that wait only. */
export type WaitOptions = Pick<CallOptions, "signal">;
