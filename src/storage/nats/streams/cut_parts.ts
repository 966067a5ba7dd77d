import type { Bytes } from "../../../protocol/bytes.ts";
import { isMessageEnd } from "../../../protocol/json.ts";

/**
 * Cuts an append that is too large for one message into parts of at most so many bytes. JSON is cut
 * between its messages where there is such a place, so that a read needs no part but those that it shows.
 */
export function cutParts(data: Bytes, limitBytes: number, isJson: boolean): Bytes[] {
  const parts: Bytes[] = [];
  for (let at = 0; at < data.length;) {
    const most = Math.min(data.length, at + limitBytes);
    let end = most;
    if (isJson && most < data.length) {
      while (end > at && !(end > at + 1 && isMessageEnd(data[end - 2], data[end - 1]))) end--;
      if (end === at) end = most;
    }
    parts.push(data.subarray(at, end));
    at = end;
  }
  return parts;
}
