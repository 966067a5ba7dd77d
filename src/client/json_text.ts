import { ClientError } from "./client_error.ts";
import { reasonOf } from "./reason.ts";

/**
 * A value as JSON.
 *
 * @throws {ClientError} `invalid_argument` where it has none: `undefined`, a function, a cycle
 */
export function jsonText(value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  const reason = cause === undefined ? `it is ${typeof value}` : reasonOf(cause);
  throw new ClientError("invalid_argument", `The value can't be sent as JSON: ${reason}`, {
    cause,
  });
}
