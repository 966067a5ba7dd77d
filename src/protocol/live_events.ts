import { Buffer } from "node:buffer";
import { type Bytes, completeUtf8Length, encodeUtf8 } from "./bytes.ts";
import { essence, isJsonType } from "./content_type.ts";
import { toJsonArray } from "./json.ts";
import { protectSpace } from "./sse.ts";

/**
 * The events of one connection that follows many streams (an extension; `docs/LIVE.md`). `data`, `closed`
 * and `error` each concern one stream, `set` says what the connection follows, and `control` ends what was
 * sent together: it alone has an `id`.
 */

/** The rest of the path after the prefix and `__ds/`. */
export const LIVE_PATH = "live";

/** How the payload of a stream's data events is carried. */
export type LivePayload = "json" | "text" | "base64";

const CARRIAGE_RETURN = 0x0d;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How a stream of this type is carried: text as base64 where it has a carriage return, or isn't UTF-8. */
export function livePayloadOf(contentType: string): LivePayload {
  if (isJsonType(contentType)) return "json";
  return essence(contentType).startsWith("text/") ? "text" : "base64";
}

/**
 * How much of what was read may go out while more may come: text waits for the rest of its last
 * character.
 */
export function sendableLiveLength(data: Uint8Array, payload: LivePayload): number {
  return payload === "text" ? completeUtf8Length(data) : data.length;
}

/** What the first line of a data event says. */
export interface LiveDataHead {
  readonly stream: string;
  /** Where the stream continues after this, as it is on the wire. */
  readonly nextOffset: string;
  /** Whether that is the stream's tail. */
  readonly upToDate: boolean;
  /** Up to where messages may be missing between what was kept, where this begins before it. */
  readonly compactedUpTo?: string | undefined;
}

/** A data event: its first line says what it is of, the payload follows. */
export function encodeLiveData(
  { stream, nextOffset, upToDate, compactedUpTo }: LiveDataHead,
  data: Uint8Array,
  payload: LivePayload,
): Bytes {
  const text = payload === "text" ? exactText(data) : undefined;
  const isBase64 = payload === "base64" || (payload === "text" && text === undefined);
  const head = `{"stream":${JSON.stringify(stream)},"nextOffset":"${nextOffset}"` +
    (upToDate ? ',"upToDate":true' : "") + (isBase64 ? ',"encoding":"base64"' : "") +
    (compactedUpTo === undefined ? "}" : `,"compactedUpTo":"${compactedUpTo}"}`);
  const start = `event: data\ndata:${head}\n`;
  if (payload === "json") {
    const json = strictUtf8.decode(toJsonArray(data)).replaceAll("\n", " ");
    return encodeUtf8(`${start}data:${json}\n\n`);
  }
  if (text === undefined) return encodeUtf8(`${start}data:${toBase64(data)}\n\n`);
  const lines = text.split("\n").map((line) => `data:${protectSpace(line)}\n`).join("");
  return encodeUtf8(`${start}${lines}\n`);
}

/** The text, where lines joined by line feeds are the very same bytes. */
function exactText(data: Uint8Array): string | undefined {
  if (data.includes(CARRIAGE_RETURN)) return undefined;
  try {
    return strictUtf8.decode(data);
  } catch {
    return undefined;
  }
}

/** Any other event: one line of JSON. */
export function encodeLiveEvent(type: string, content: unknown): Bytes {
  return encodeUtf8(`event: ${type}\ndata:${JSON.stringify(content)}\n\n`);
}

/** The event that ends what was sent together. */
export function encodeLiveControl(upToDate: boolean, id: string | undefined): Bytes {
  const line = id === undefined ? "" : `id:${id}\n`;
  return encodeUtf8(`event: control\ndata:${upToDate ? '{"upToDate":true}' : "{}"}\n${line}\n`);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
