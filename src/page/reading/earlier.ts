import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { tokenPosition } from "../../protocol/offset.ts";
import { streamUrl } from "../api/config.ts";
import { call } from "../api/request.ts";
import type { UnnumberedMessage } from "./message.ts";
import { type Content, splitMessages } from "./split.ts";

/** So many bytes before what is there are asked for at once, and more where the stream has grown meanwhile. */
const STEP_BYTES = 256 * 1024;

/**
 * The messages right before an offset, oldest first; none at the start of the stream.
 *
 * @param tail the offset of the stream's tail, as far as it is known: places are counted from the tail
 * @throws {ApiError}
 */
export async function readEarlier(
  name: string,
  content: Content,
  before: string,
  tail: string,
  signal: AbortSignal,
): Promise<UnnumberedMessage[]> {
  const end = tokenPosition(before) ?? 0;
  if (end === 0) return [];
  const known = Math.max(0, (tokenPosition(tail) ?? end) - end);
  const begun = await begin(name, end, known, signal);
  // All that came before was trimmed meanwhile.
  if (begun === undefined) return [];
  let { answer, start } = begun;
  const messages: UnnumberedMessage[] = [];
  const parts: Bytes[] = [];
  const first = start;
  while (true) {
    const next = answer.headers.get("stream-next-offset") ?? before;
    const data = new Uint8Array(await answer.arrayBuffer());
    if (content === "json") messages.push(...splitMessages(data, content, { start, end: next }));
    else parts.push(data);
    const reached = tokenPosition(next);
    if (reached === undefined || reached >= end || data.length === 0) break;
    start = next;
    answer = await call(streamUrl(name), { query: { offset: next }, signal });
  }
  if (content === "json") {
    return messages.filter((message) => (tokenPosition(message.start) ?? 0) < end);
  }
  // A line or a character may begin in one answer and end in the next, or in what is there already.
  const bytes = concatBytes(parts).subarray(0, end - (tokenPosition(first) ?? 0));
  return splitMessages(bytes, content, { start: first, end: before });
}

/**
 * Asks for what comes before a position.
 *
 * @param known how far behind it the tail was
 */
async function begin(
  name: string,
  end: number,
  known: number,
  signal: AbortSignal,
): Promise<{ answer: Response; start: string } | undefined> {
  let back = known;
  for (let step = STEP_BYTES;; step *= 2) {
    back += step;
    const answer = await call(streamUrl(name), { query: { tail: back }, signal });
    const start = answer.headers.get("stream-start-offset") ?? "-1";
    const position = tokenPosition(start) ?? 0;
    if (position < end) return { answer, start };
    await answer.body?.cancel();
    const earliest = answer.headers.get("stream-earliest-offset");
    if (earliest !== null && (tokenPosition(earliest) ?? 0) >= end) return undefined;
    back += position - end;
  }
}
