/** Bytes that own a plain (not shared) buffer: what a body, a file and a response all take. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** No bytes at all: one array that is shared. */
export const NO_BYTES: Bytes = new Uint8Array(0);

const encoder = new TextEncoder();

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** `bytes` as text; what is no UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** `text` as UTF-8. */
export function encodeUtf8(text: string): Bytes {
  return encoder.encode(text);
}

/** The bytes of text as UTF-8, or a copy of bytes. */
export function toBytes(data: Uint8Array | string): Bytes {
  return typeof data === "string" ? encodeUtf8(data) : new Uint8Array(data);
}

/** One buffer with the parts one after the other; a single part is returned as it is. */
export function concatBytes(parts: readonly Bytes[]): Bytes {
  const [first] = parts;
  if (first === undefined) return NO_BYTES;
  if (parts.length === 1) return first;
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether `bytes` begin with the byte order mark of UTF-8, which readers stumble over. */
export function hasByteOrderMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/**
 * How many of `bytes` come before a UTF-8 character that isn't finished: all of them where the end
 * is whole, and also where it can't become a character any more.
 */
export function completeUtf8Length(bytes: Uint8Array): number {
  const length = bytes.length;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return utf8SequenceLength(byte) > back ? length - back : length;
  }
  return length;
}

function utf8SequenceLength(lead: number): number {
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  return 1;
}
