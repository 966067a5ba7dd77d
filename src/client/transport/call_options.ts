import type { RequestAdditions } from "./headers_option.ts";

/** The options of every call. */
export interface CallOptions extends RequestAdditions {
  /** Aborting it ends the call, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The call's own signal: aborting it ends this wait only. */
export type WaitOptions = Pick<CallOptions, "signal">;
