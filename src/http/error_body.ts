/** A failure as the client is told of it, in JSON: `code` for programs, `message` for people. */
export function encodeErrorBody(code: string, message: string): string {
  return `${JSON.stringify({ error: { code, message } })}\n`;
}
