/** Where the server under test listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

const encoder = new TextEncoder();

/** The bytes of a whole request. */
export function requestBytes(
  target: Target,
  method: string,
  path: string,
  headers: readonly (readonly [string, string])[] = [],
  body?: Uint8Array,
): Uint8Array {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${target.host}:${target.port}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (body !== undefined || method !== "GET") {
    lines.push(`Content-Length: ${body?.byteLength ?? 0}`);
  }
  const head = encoder.encode(lines.join("\r\n") + "\r\n\r\n");
  if (body === undefined) return head;
  const whole = new Uint8Array(head.byteLength + body.byteLength);
  whole.set(head);
  whole.set(body, head.byteLength);
  return whole;
}
