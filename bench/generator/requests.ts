import type { Protocol } from "../peers/peer.ts";

/** Where the server under test listens, and how it is spoken to. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Where more of the same listen: connections take turns. */
  readonly morePorts?: readonly number[];
  readonly protocol: Protocol;
}

/** Streams whose paths differ in a number of seven digits at their end. */
export interface StreamSet {
  readonly prefix: string;
  readonly count: number;
}

/** The port that one of the connections goes to. */
export function portOf({ port, morePorts = [] }: Target, connection: number): number {
  return [port, ...morePorts][connection % (morePorts.length + 1)] ?? port;
}

/** How many digits a stream's number has. */
export const INDEX_DIGITS = 7;

/** The path of one of a set's streams. */
export function pathOfStream(streams: StreamSet, index: number): string {
  return streams.prefix + String(index).padStart(INDEX_DIGITS, "0");
}

const encoder = new TextEncoder();

/** The bytes of a whole HTTP request. */
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
  return joinBytes(lines.join("\r\n") + "\r\n\r\n", body);
}

/** A text and the bytes behind it, as one array. */
export function joinBytes(
  head: string,
  body: Uint8Array = new Uint8Array(0),
  end = "",
): Uint8Array {
  const first = encoder.encode(head);
  const last = encoder.encode(end);
  const whole = new Uint8Array(first.byteLength + body.byteLength + last.byteLength);
  whole.set(first);
  whole.set(body, first.byteLength);
  whole.set(last, first.byteLength + body.byteLength);
  return whole;
}
