import { type Bytes, decodeUtf8 } from "../../../protocol/bytes.ts";
import type { StreamCursor } from "./stream_cursor.ts";

/** How the content at the target compares with the source's. */
export interface Comparison {
  /** `ahead`: the target has all of the source's and more. */
  readonly outcome: "equal" | "behind" | "ahead" | "different";
  /** How much of both is the same: messages of a JSON stream, bytes of others. */
  readonly same: number;
  readonly sameBytes: number;
}

/**
 * Compares two streams chunk by chunk up to the end of the shorter one. The source's cursor is left where
 * the target ends.
 */
export async function compareStreams(
  source: StreamCursor,
  target: StreamCursor,
): Promise<Comparison> {
  let same = 0;
  let sameBytes = 0;
  const outcome = async (): Promise<Comparison["outcome"]> => {
    while (true) {
      const [ours, theirs] = await Promise.all([source.peek(), target.peek()]);
      if (theirs === undefined) return ours === undefined ? "equal" : "behind";
      if (ours === undefined) return "ahead";
      if (source.isJson) {
        if (!isSameMessage(ours, theirs)) return "different";
        source.advance();
        target.advance();
        same++;
        sameBytes += ours.length;
        continue;
      }
      const length = Math.min(ours.length, theirs.length);
      const equal = commonLength(ours, theirs, length);
      same += equal;
      sameBytes += equal;
      if (equal < length) return "different";
      source.advance(length);
      target.advance(length);
    }
  };
  return { outcome: await outcome(), same, sameBytes };
}

/** Another server may write a message's JSON in its own way. */
function isSameMessage(ours: Bytes, theirs: Bytes): boolean {
  if (ours.length === theirs.length && commonLength(ours, theirs, ours.length) === ours.length) {
    return true;
  }
  try {
    return JSON.stringify(JSON.parse(decodeUtf8(ours))) ===
      JSON.stringify(JSON.parse(decodeUtf8(theirs)));
  } catch {
    return false;
  }
}

function commonLength(ours: Bytes, theirs: Bytes, length: number): number {
  let at = 0;
  while (at < length && ours[at] === theirs[at]) at++;
  return at;
}
