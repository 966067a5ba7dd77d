import type { Message } from "../../../client/reader/message.ts";
import type { ReaderOptions } from "../../../client/reader/options.ts";
import { START } from "../../../client/transport/place.ts";
import { DEFAULT_CONTENT_TYPE, isJsonType } from "../../../protocol/content_type.ts";
import { tokenPosition } from "../../../protocol/offset.ts";
import { findBeforeTail, findLastMessages } from "./find_start.ts";
import { type LastRecords, lastRecords } from "./last_records.ts";
import type { Session } from "../session/session.ts";

/** The end of a stream. */
export interface StreamEnd {
  readonly messages: readonly Message[];
  readonly contentType: string;
  /** The tail at the time. */
  readonly offset: string;
  readonly closed: boolean;
}

const FIRST_BYTES = 64 * 1_024;
const GROWTH = 16;

/**
 * Reads the last messages or lines. Where the server finds the last messages of a JSON stream, no more than
 * these; else a range before the tail, which grows until they are all in it.
 */
export async function readLast(
  session: Session,
  name: string,
  count: number,
  options: Pick<ReaderOptions, "trimmed" | "ordinals"> = {},
): Promise<StreamEnd> {
  for (let bytes = FIRST_BYTES;; bytes *= GROWTH) {
    const before = await findBeforeTail(session, name, bytes);
    const last = isJsonType(before.contentType)
      ? await findLastMessages(session, name, count)
      : undefined;
    const start = last ?? before.offset;
    const { records, ...end } = await readToTail(session, name, start, {
      count,
      options,
    });
    if (last !== undefined || records.isFull || before.isStart || isStart(start)) {
      return { ...end, messages: records.take() };
    }
  }
}

function isStart(offset: string): boolean {
  return offset === START || tokenPosition(offset) === 0;
}

async function readToTail(
  session: Session,
  name: string,
  offset: string,
  { count, options }: { count: number; options: Pick<ReaderOptions, "trimmed" | "ordinals"> },
): Promise<Omit<StreamEnd, "messages"> & { records: LastRecords }> {
  const reader = session.client.reader(name, {
    offset,
    readMode: "catch-up",
    maxElapsedMs: session.maxElapsedMs,
    ...options,
  });
  try {
    let records: LastRecords | undefined;
    while (true) {
      const batch = await reader.read();
      const contentType = reader.contentType ?? DEFAULT_CONTENT_TYPE;
      records ??= lastRecords(contentType, count);
      records.add(batch.messages);
      if (!batch.upToDate && !batch.closed) continue;
      return { records, contentType, offset: batch.nextOffset, closed: batch.closed };
    }
  } finally {
    await reader.close();
  }
}
