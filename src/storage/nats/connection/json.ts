/** The object in a JSON text; an empty one where it is none. */
export function parseObject(text: string): Record<string, unknown> {
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The value where it is an object, else an empty one. */
export function objectIn(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** The value where it is a number, else 0. */
export function numberIn(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** The value where it is a text, else an empty one. */
export function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
