import type { Bytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { MalformedFrame } from "../format/binary.ts";
import { decodeMessage, type StreamMessage } from "../format/message.ts";
import type { StoredMessage } from "../jetstream.ts";

/** Of a larger buffer than this many times the message, the message gets memory of its own. */
const SHARED_FACTOR = 2;

/** A message of a stream that was read, or why it can't be one. */
export type ReadMessage =
  | { readonly sequence: number; readonly message: StreamMessage; readonly fault?: undefined }
  | { readonly sequence: number; readonly message?: undefined; readonly fault: string };

/** What a stored message says; a fault where its bytes are not what was stored. */
export function readMessage({ sequence, payload }: StoredMessage): ReadMessage {
  try {
    return { sequence, message: decodeMessage(ownBytes(payload)) };
  } catch (error) {
    if (!(error instanceof MalformedFrame)) throw error;
    return { sequence, fault: `message ${sequence} is malformed: ${error.message}` };
  }
}

/**
 * What a stored record says.
 *
 * @param of what it is the record of
 * @throws {StreamError} `damaged` where its bytes are not what was stored
 */
export function readRecord<T>(of: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof MalformedFrame)) throw error;
    throw new StreamError(
      { code: "damaged" },
      `The record of ${of} is malformed: ${error.message}.`,
    );
  }
}

/** What came with much else in one buffer would keep all of it alive. */
function ownBytes(payload: Bytes): Bytes {
  return payload.buffer.byteLength > SHARED_FACTOR * payload.length + 1024
    ? payload.slice()
    : payload;
}
