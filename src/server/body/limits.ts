import { StreamError } from "../../protocol/errors.ts";
import type { BodyBudget } from "./budget.ts";

/** The limits of bodies. */
export interface BodyLimits {
  /** How long one may be. */
  readonly bytes: number;
  /** How long one may take to arrive. */
  readonly timeoutMs: number;
  /** The memory that all of them may take at once. */
  readonly budget: BodyBudget;
  /** What the most is that {@link bytes} says, for errors; unless given what one request may append. */
  readonly most?: string;
}

/**
 * The error for a body that is too long.
 *
 * @param bytes how long it is, where that is known
 */
export function bodyTooLarge({ bytes: limitBytes, most }: BodyLimits, bytes?: number): StreamError {
  return new StreamError(
    { code: "body_too_large" },
    `The body${
      bytes === undefined ? "" : ` of ${bytes} bytes`
    } is longer than ${limitBytes} bytes, the most that ${most ?? "one request may append"}.`,
  );
}
