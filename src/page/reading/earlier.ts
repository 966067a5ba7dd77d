import { tokenPosition } from "../../protocol/offset.ts";
import { streamUrl } from "../api/config.ts";
import { call } from "../api/request.ts";
import type { UnnumberedMessage } from "./message.ts";
import { type Content, splitMessages } from "./split.ts";

/** So many bytes before what is there are asked for at once. */
const STEP_BYTES = 256 * 1024;

/**
 * The messages right before an offset, oldest first; none at the start of the stream.
 *
 * @param tail the offset of the stream's tail, as far as it is known: places are counted from there
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
  const messages: UnnumberedMessage[] = [];
  let query: Record<string, string | number> = {
    tail: Math.max(0, (tokenPosition(tail) ?? end) - end) + STEP_BYTES,
  };
  while (true) {
    const answer = await call(streamUrl(name), { query, signal });
    const next = answer.headers.get("stream-next-offset") ?? before;
    const start = answer.headers.get("stream-start-offset") ?? String(query["offset"] ?? "-1");
    const data = new Uint8Array(await answer.arrayBuffer());
    const range = { start, end: next };
    messages.push(
      ...splitMessages(data, content, range).filter((message) => {
        const position = tokenPosition(message.start);
        return position === undefined || position < end;
      }),
    );
    const reached = tokenPosition(next);
    const isDone = reached === undefined || reached >= end || data.length === 0;
    if (isDone) return messages;
    query = { offset: next };
  }
}
