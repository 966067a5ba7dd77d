import type { ShortageKind } from "../../../env/file_system.ts";
import { StreamError } from "../../../protocol/errors.ts";

/** The refusal of what can't be written, or looked up, for want of this. */
export function shortageStreamError(kind: ShortageKind): StreamError {
  return kind === "no_space"
    ? new StreamError(
      { code: "storage_full" },
      "The disk is full: nothing can be appended until there is room again.",
    )
    : new StreamError(
      { code: "overloaded" },
      "The server can't open another file: the process or the system has as many open as it may. " +
        "Try again once some are closed.",
    );
}
