import { type Bytes, concatBytes, encodeUtf8 } from "../../../src/protocol/bytes.ts";

/** A body that says which operation it is from, as it is sent and as it is stored. */
export interface Payload {
  body: Bytes;
  stored: Bytes;
  /** Where each message ends in `stored`. */
  ends: number[];
}

const HEAD = /^(?:\[|\{"o":)(\d+)[|,]/;
const HEAD_BYTES = 24;

/** A body of about `lengthBytes`; in JSON mode of so many messages. */
export function makePayload(
  json: boolean,
  opId: number,
  lengthBytes: number,
  messages: number,
): Payload {
  const filler = String.fromCharCode(97 + opId % 26);
  if (!json) {
    const body = encodeUtf8(`[${opId}|${filler.repeat(lengthBytes)}]`);
    return { body, stored: body, ends: [body.length] };
  }
  const each = Math.ceil(lengthBytes / messages);
  const texts = Array.from(
    { length: messages },
    (_, i) => `{"o":${opId},"i":${i},"p":"${filler.repeat(each)}"}`,
  );
  const stored = texts.map((text) => encodeUtf8(`${text},\n`));
  let end = 0;
  return {
    body: encodeUtf8(messages === 1 ? texts[0] ?? "" : `[${texts.join(",")}]`),
    stored: concatBytes(stored),
    ends: stored.map(({ length }) => end += length),
  };
}

/** The operation whose payload begins at `at`. */
export function opIdAt(bytes: Bytes, at: number): number | undefined {
  const head = new TextDecoder().decode(bytes.subarray(at, at + HEAD_BYTES));
  const match = HEAD.exec(head);
  return match === null ? undefined : Number(match[1]);
}

/** Whether `part` stands in `bytes` at `at`. */
export function standsAt(bytes: Bytes, at: number, part: Bytes): boolean {
  if (at + part.length > bytes.length) return false;
  for (let i = 0; i < part.length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}
