import { Buffer } from "node:buffer";
import type { Message } from "../../../client/reader/message.ts";
import { isServerOffset } from "../../../client/transport/place.ts";
import { type Bytes, concatBytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { essence, isJsonType } from "../../../protocol/content_type.ts";

/** Formats messages; `receivedMs` is when they arrived, if that is printed. */
export type RecordFormat = (messages: readonly Message[], receivedMs?: number) => Bytes;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

/** Bytes as they are; each message of a JSON stream on a line of its own. */
export function plainFormat(contentType: string): RecordFormat {
  if (!isJsonType(contentType)) {
    return (messages) => concatBytes(messages.map(({ bytes }) => bytes));
  }
  return (messages) => jsonLines(messages, () => "", "\n");
}

/**
 * One object per line: the message as `value` (JSON), `text` or `base64`, and where `--from` continues
 * right after it. That is an `offset` of the server's, or a `place`, which counts messages after an offset
 * and is understood by this program only.
 *
 * @param stream the stream's name, if it is printed
 */
export function machineFormat(contentType: string, stream?: string): RecordFormat {
  const start = stream === undefined ? "{" : `{"stream":${JSON.stringify(stream)},`;
  const headOf = ({ offset, ordinal }: Message, receivedMs?: number) =>
    `${start}${isServerOffset(offset) ? '"offset":' : '"place":'}${JSON.stringify(offset)},` +
    (ordinal === undefined ? "" : `"ordinal":${ordinal},`) +
    (receivedMs === undefined ? "" : `"receivedAt":"${new Date(receivedMs).toISOString()}",`);
  if (isJsonType(contentType)) {
    return (messages, receivedMs) =>
      jsonLines(messages, (message) => `${headOf(message, receivedMs)}"value":`, "}\n");
  }
  return (messages, receivedMs) =>
    concatBytes(
      messages.map((message) =>
        encodeUtf8(`${headOf(message, receivedMs)}${contentOf(message.bytes, contentType)}}\n`)
      ),
    );
}

/** Copies byte by byte: for many short messages, a call for each costs more than its copy. */
function jsonLines(
  messages: readonly Message[],
  before: (message: Message) => string,
  after: string,
): Bytes {
  const heads = messages.map((message) => encodeHead(before(message)));
  const end = encodeHead(after);
  let length = 0;
  for (const [i, { bytes }] of messages.entries()) {
    length += (heads[i]?.length ?? 0) + bytes.length + end.length;
  }
  const lines = new Uint8Array(length);
  let at = 0;
  for (const [i, { bytes }] of messages.entries()) {
    at = put(lines, at, heads[i] ?? []);
    // A line break in JSON stands between tokens only, where a space means the same.
    for (let j = 0; j < bytes.length; j++) {
      const byte = bytes[j] ?? SPACE;
      lines[at++] = byte === NEWLINE || byte === RETURN ? SPACE : byte;
    }
    at = put(lines, at, end);
  }
  return lines;
}

function put(target: Bytes, at: number, bytes: ArrayLike<number>): number {
  for (let i = 0; i < bytes.length; i++) target[at + i] = bytes[i] ?? 0;
  return at + bytes.length;
}

function encodeHead(text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // No known server has such an offset.
    if (code > 0x7f) return encodeUtf8(text);
    bytes[i] = code;
  }
  return bytes;
}

function contentOf(bytes: Bytes, contentType: string): string {
  const text = essence(contentType).startsWith("text/") ? decode(bytes) : undefined;
  return text === undefined
    ? `"base64":"${Buffer.from(bytes).toString("base64")}"`
    : `"text":${JSON.stringify(text)}`;
}

/** The text; `undefined` if it isn't valid UTF-8, since a chunk may end within a character. */
function decode(bytes: Bytes): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
