import { Buffer } from "node:buffer";
import type { Bytes } from "../protocol/bytes.ts";
import type { HttpResponse } from "./handler.ts";

/** How a client finds the end of a response. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunks" }
  | { readonly kind: "close" };

/** The part of a response's head that depends on its connection. */
export interface ResponseHeadParts {
  readonly framing: Framing;
  readonly keepsAlive: boolean;
  /** Of HTTP/1.0, which doesn't keep connections open unless both say so. */
  readonly isHttp11: boolean;
  /** The `Date` header's value. */
  readonly date: string;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

/** A header's line as it was sent last: most values are the same in all responses. */
interface Line {
  readonly value: string;
  readonly text: string;
}

/** The lines sent last, by name; those of ASCII characters alone. */
const lines = new Map<string, Line>();

/** Names come from the program; more than this many come only from handlers that make them up. */
const MAX_LINES = 64;

const ASCII = /^[\t\x20-\x7e]*$/;
const LATIN1 = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * All before a response's body (RFC 9112).
 *
 * @returns text where all of it is ASCII, which sockets take as it is
 * @throws {TypeError} where a value would end its line, or is no bytes
 */
export function encodeResponseHead(
  response: HttpResponse,
  parts: ResponseHeadParts,
): string | Bytes {
  const { status, headers } = response;
  let isAscii = true;
  let head = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n`;
  for (const name in headers) {
    if (name === "connection") continue;
    const value = headers[name] ?? "";
    const last = lines.get(name);
    if (last?.value === value) {
      head += last.text;
      continue;
    }
    const text = `${name}: ${value}\r\n`;
    head += text;
    if (ASCII.test(value)) {
      if (last !== undefined || lines.size < MAX_LINES) lines.set(name, { value, text });
    } else {
      if (!LATIN1.test(value)) throw new TypeError(`The header ${name} can't be sent as it is.`);
      isAscii = false;
    }
  }
  head += `date: ${parts.date}\r\n`;
  if (!parts.keepsAlive) head += "connection: close\r\n";
  else if (!parts.isHttp11) head += "connection: keep-alive\r\n";
  head += `${framingLine(parts.framing)}\r\n`;
  return isAscii ? head : new Uint8Array(Buffer.from(head, "latin1"));
}

function framingLine(framing: Framing): string {
  switch (framing.kind) {
    case "length":
      return `content-length: ${framing.bytes}\r\n`;
    case "chunks":
      return "transfer-encoding: chunked\r\n";
    case "none":
    case "close":
      return "";
  }
}
