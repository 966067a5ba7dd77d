const START = '{"error":{';
const END = "}}\n";

/**
 * A failure as the client is told of it, in JSON: `code` for programs, `message` for people.
 *
 * @param details more for programs, beside these
 */
export function encodeErrorBody(
  code: string,
  message: string,
  details: Readonly<Record<string, string | number>> = {},
): string {
  return `${JSON.stringify({ error: { code, message, ...details } })}\n`;
}

/** Whether a body is one of {@link encodeErrorBody}. */
export function isErrorBody(body: unknown): body is string {
  return typeof body === "string" && body.startsWith(START) && body.endsWith(END);
}

/** The same body with one more field; parsing it for that would cost more than making it. */
export function withErrorField(body: string, name: string, value: string): string {
  const field = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  return `${body.slice(0, -END.length)},${field}${END}`;
}
