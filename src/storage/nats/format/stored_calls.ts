import type { Bytes } from "../../../protocol/bytes.ts";
import { viewOf } from "../../little_endian.ts";
import { getU48, MalformedFrame, putU48 } from "./binary.ts";

/**
 * Appends of a message that another front end sent to its writer (FORMAT.md, "forwarded appends"): so the
 * sender sees what became of them where the answer was lost.
 */
export interface StoredCall {
  /** The front end that sent them. */
  readonly frontEnd: number;
  /** Which one of its calls it was. */
  readonly call: number;
  /** Which of the message's appends is the first of them; the others follow it. */
  readonly firstAppend: number;
  /** Which of the call's requests each of them is. */
  readonly requests: readonly number[];
}

/** What all calls of a message take, and one, and one request of it. */
export const CALLS_BYTES = 2;
export const CALL_BYTES = 18;
export const CALL_REQUEST_BYTES = 2;

/** How many bytes they take. */
export function storedCallsBytes(calls: readonly StoredCall[]): number {
  let length = CALLS_BYTES;
  for (const { requests } of calls) length += CALL_BYTES + CALL_REQUEST_BYTES * requests.length;
  return length;
}

/** Writes them; where what follows them goes. */
export function putStoredCalls(
  view: DataView,
  begin: number,
  calls: readonly StoredCall[],
): number {
  let at = begin;
  view.setUint16(at, calls.length, true);
  at += CALLS_BYTES;
  for (const { frontEnd, call, firstAppend, requests } of calls) {
    putU48(view, at, frontEnd);
    putU48(view, at + 6, call);
    view.setUint32(at + 12, firstAppend, true);
    view.setUint16(at + 16, requests.length, true);
    at += CALL_BYTES;
    for (const request of requests) {
      view.setUint16(at, request, true);
      at += CALL_REQUEST_BYTES;
    }
  }
  return at;
}

/**
 * Reads what {@link putStoredCalls} wrote, and where it ends.
 *
 * @throws {RangeError} where the bytes end before
 * @throws {MalformedFrame} where there aren't so many appends
 */
export function getStoredCalls(
  bytes: Bytes,
  begin: number,
  appendCount: number,
): { calls: StoredCall[]; end: number } {
  const view = viewOf(bytes);
  const calls: StoredCall[] = [];
  const count = view.getUint16(begin, true);
  let at = begin + CALLS_BYTES;
  for (let i = 0; i < count; i++) {
    const firstAppend = view.getUint32(at + 12, true);
    const requestCount = view.getUint16(at + 16, true);
    const requests: number[] = [];
    const requestsAt = at + CALL_BYTES;
    for (let k = 0; k < requestCount; k++) {
      requests.push(view.getUint16(requestsAt + CALL_REQUEST_BYTES * k, true));
    }
    if (firstAppend + requestCount > appendCount) {
      throw new MalformedFrame("it names appends that it doesn't have");
    }
    calls.push({ frontEnd: getU48(view, at), call: getU48(view, at + 6), firstAppend, requests });
    at = requestsAt + CALL_REQUEST_BYTES * requestCount;
  }
  return { calls, end: at };
}
