/** What a client is told of a failure, as JSON: `code` for programs, `message` for people. */
export function encodeErrorBody(code: string, message: string): string {
  return `${JSON.stringify({ error: { code, message } })}\n`;
}
