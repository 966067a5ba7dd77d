import { ClientError } from "./client_error.ts";

const SHOWN_CHARS = 80;

/** The error for an argument: its name, its value, and what is expected. */
export function invalidArgument(name: string, value: unknown, expected: string): ClientError {
  return new ClientError("invalid_argument", `${name} is ${show(value)}: expected ${expected}.`);
}

/** The kind of an object: `Object`, `Map`, `Blob`. */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function show(value: unknown): string {
  if (typeof value === "string") return cut(JSON.stringify(value));
  if (typeof value !== "object" || value === null) return cut(String(value));
  if (value instanceof URL || value instanceof Date) return String(value);
  // In other objects the kind is what is wrong.
  const kind = kindOf(value);
  return `${/^[AEIOU]/.test(kind) ? "an" : "a"} ${kind}`;
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
