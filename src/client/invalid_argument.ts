import { ClientError } from "./client_error.ts";

/** The error of a call that can't be right: what has which value, and what would do. */
export function invalidArgument(what: string, value: unknown, expected: string): ClientError {
  const shown = typeof value === "number" ? value : JSON.stringify(value);
  return new ClientError("invalid_argument", `${what} is ${shown}: expected ${expected}.`);
}
