import { Buffer } from "node:buffer";
import { type Bytes, concatBytes, decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import { isJsonType } from "../../../protocol/content_type.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";

/** What a stream is, in the line that begins it. */
export interface ArchivedStream {
  readonly stream: string;
  readonly contentType: string;
  readonly ttlSeconds?: number;
  /** As ISO 8601. */
  readonly expiresAt?: string;
}

/** What a stream's lines come to, in the line that ends it. */
export interface ArchivedEnd {
  /** Messages of a JSON stream, else 0. */
  readonly messages: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly closed: boolean;
}

/** A line of an export. */
export type ArchiveLine =
  | { readonly kind: "stream"; readonly stream: ArchivedStream }
  /** A message of a JSON stream, or some bytes of another. */
  | { readonly kind: "content"; readonly bytes: Bytes }
  | { readonly kind: "end"; readonly end: ArchivedEnd }
  /** It ends so where the stream was deleted while it was exported: what there is of it is no stream. */
  | { readonly kind: "gone" }
  /** The last line of all. */
  | { readonly kind: "done"; readonly streams: number };

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const CLOSING_BRACE = 0x7d;
const MESSAGE_START = encodeUtf8('{"message":');
const MESSAGE_END = encodeUtf8("}\n");

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A line for any object but a message. */
export function encodeObject(object: unknown): Bytes {
  return encodeUtf8(`${JSON.stringify(object)}\n`);
}

/** The line of a message of a JSON stream, with its own bytes: big numbers stay what they are. */
export function encodeMessage(message: Bytes): Bytes {
  const line = concatBytes([MESSAGE_START, message, MESSAGE_END]);
  // Line breaks in a JSON text are space between its parts.
  for (let at = 0; at < line.length - 1; at++) {
    if (line[at] === LINE_FEED || line[at] === CARRIAGE_RETURN) line[at] = SPACE;
  }
  return line;
}

/** A message as it stands in the line that {@link encodeMessage} makes of it. */
export function messageOf(line: Bytes): Bytes {
  return line.subarray(MESSAGE_START.length, line.lastIndexOf(CLOSING_BRACE));
}

/** The line of some bytes: as text where they are text. */
export function encodeBytes(bytes: Bytes, contentType: string): Bytes {
  if (/^text\//i.test(contentType)) {
    try {
      return encodeObject({ text: strict.decode(bytes) });
    } catch {
      // It is cut within a character, or isn't UTF-8.
    }
  }
  return encodeObject({ base64: Buffer.from(bytes).toString("base64") });
}

/**
 * What a line is.
 *
 * @param line with its line feed, or without
 * @throws {CommandError} where it is none of an export
 */
export function decodeLine(line: Bytes, number: number): ArchiveLine {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(line));
  } catch {
    throw notALine(number, "it is no JSON");
  }
  if (typeof value !== "object" || value === null) throw notALine(number, "it is no object");
  if ("message" in value) return { kind: "content", bytes: messageIn(line, value.message) };
  if ("text" in value && typeof value.text === "string") {
    return { kind: "content", bytes: encodeUtf8(value.text) };
  }
  if ("base64" in value && typeof value.base64 === "string") {
    return { kind: "content", bytes: new Uint8Array(Buffer.from(value.base64, "base64")) };
  }
  if ("end" in value && isEnd(value.end)) return { kind: "end", end: value.end };
  if ("gone" in value) return { kind: "gone" };
  if ("export" in value) return { kind: "done", streams: Number(value.export) };
  if (isStream(value)) return { kind: "stream", stream: value };
  throw notALine(number, "it has none of stream, message, text, base64, end, gone and export");
}

/** A message's own bytes where the line is as `export` writes it. */
function messageIn(line: Bytes, message: unknown): Bytes {
  const isOurs = MESSAGE_START.every((byte, at) => line[at] === byte);
  return isOurs ? messageOf(line).slice() : encodeUtf8(JSON.stringify(message));
}

function isStream(value: object): value is ArchivedStream {
  return "stream" in value && typeof value.stream === "string" &&
    "contentType" in value && typeof value.contentType === "string";
}

function isEnd(value: unknown): value is ArchivedEnd {
  return typeof value === "object" && value !== null && "sha256" in value &&
    typeof value.sha256 === "string" && "closed" in value;
}

function notALine(number: number, why: string): CommandError {
  return new CommandError(`line ${number} is none of an export: ${why}`, EXIT.failure);
}

/** Whether a stream's content is messages. */
export function hasMessages({ contentType }: ArchivedStream): boolean {
  return isJsonType(contentType);
}
