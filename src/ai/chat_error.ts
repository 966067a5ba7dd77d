/**
 * Why a chat's answer is none:
 *
 * - `incomplete`: it ended without its last part, or was deleted
 * - `silent`: whoever wrote it is gone
 * - `refused`: the application's server didn't take the message, or the wish to stop
 */
export type ChatErrorCode = "incomplete" | "silent" | "refused";

/** An answer that isn't whole, in words for the page. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  /** Why. */
  readonly code: ChatErrorCode;

  constructor(code: ChatErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** What a page shows of an answer whose writer is gone. */
export const SILENT_TEXT = "The answer broke off: whoever wrote it is gone. Ask again.";

/** What a page shows of an answer whose end is missing. */
export const INCOMPLETE_TEXT = "The answer broke off before its end. Ask again.";

/** What a page shows of a failure, unless the application has its own words. */
export const FAILED_TEXT = "The answer failed.";
