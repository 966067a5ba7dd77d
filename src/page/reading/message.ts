/** A message as the page holds it; of a stream that has none, a line of text or what one answer brought. */
export interface Message {
  /** Counts up through what the page has read; earlier ones that are loaded later count down from 0. */
  readonly number: number;
  /** Its bytes as they are stored, but for the comma behind a JSON message. */
  readonly bytes: Uint8Array;
  /** Where it begins: reading from here gives it first. */
  readonly start: string;
  /** Right behind it. Where the answer doesn't tell where it ends, the answer's end. */
  readonly end: string;
}

/** A message that has no number yet. */
export type UnnumberedMessage = Omit<Message, "number">;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes as text; what is no UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The start of a message as one line of text. */
export function previewOf(bytes: Uint8Array, limitBytes: number): string {
  const cut = bytes.length > limitBytes ? bytes.subarray(0, limitBytes) : bytes;
  return textOf(cut).replace(/\r?\n$/, "");
}

/** The start of a message in hexadecimal. */
export function hexPreviewOf(bytes: Uint8Array, limitBytes: number): string {
  const parts: string[] = [];
  for (const byte of bytes.subarray(0, limitBytes)) parts.push(hexByte(byte));
  return parts.join(" ");
}

/** Two hexadecimal digits. */
export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
