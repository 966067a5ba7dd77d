import { ClientError } from "../errors/client_error.ts";
import { invalidArgument, kindOf } from "../errors/invalid_argument.ts";
import { reasonOf } from "../errors/reason.ts";

/**
 * A value as JSON.
 *
 * @throws {ClientError} `invalid_argument` if it has no JSON: `undefined`, a function, a cycle, a `Blob`, a
 * `Map`, a promise that wasn't awaited
 */
export function jsonText(value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text === "{}" && !/Object|Arguments/.test(kindOf(value))) {
    throw invalidArgument("The value", value, "one whose JSON isn't empty");
  }
  if (text !== undefined) return text;
  const reason = cause === undefined ? `it is ${typeof value}` : reasonOf(cause);
  throw new ClientError("invalid_argument", `The value can't be sent as JSON: ${reason}`, {
    cause,
  });
}
