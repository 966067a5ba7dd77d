import { ClientError } from "./client_error.ts";

const SHOWN_CHARS = 80;

/** The error of a call that can't be right: what has which value, and what would do. */
export function invalidArgument(what: string, value: unknown, expected: string): ClientError {
  return new ClientError("invalid_argument", `${what} is ${show(value)}: expected ${expected}.`);
}

/** What kind of object it is: `Object`, `Map`, `Blob`. */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function show(value: unknown): string {
  if (typeof value === "string") return cut(JSON.stringify(value));
  if (typeof value !== "object" || value === null) return cut(String(value));
  if (value instanceof URL || value instanceof Date) return String(value);
  // Of the other objects it is their kind that is wrong.
  const kind = kindOf(value);
  return `${/^[AEIOU]/.test(kind) ? "an" : "a"} ${kind}`;
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
