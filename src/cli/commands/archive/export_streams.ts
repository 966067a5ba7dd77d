import { START } from "../../../client/transport/place.ts";
import type { Missed } from "../../../client/reader/missed.ts";
import type { ListedStream } from "../../../client/transport/list.ts";
import { DEFAULT_CONTENT_TYPE } from "../../../protocol/content_type.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { ContentDigest } from "../copy/content_digest.ts";
import { isMissing } from "../copy/outcome.ts";
import { selected, type Selection } from "../copy/selection.ts";
import type { Side } from "../copy/side.ts";
import { StreamCursor } from "../copy/stream_cursor.ts";
import { encodeBytes, encodeMessage, encodeObject, messageOf } from "./archive_line.ts";

/** A line holds no more bytes of a stream that isn't JSON. */
const LINE_BYTES = 256 * 1024;

/** What is exported, and where it goes. */
export interface ExportOptions {
  readonly from: Side;
  readonly selection: Selection;
  /** Streams that are there already. */
  readonly done: ReadonlySet<string>;
  readonly signal: AbortSignal;
  /** Writes a line. */
  write(line: Bytes): Promise<void>;
  onBytes(bytes: number): void;
  /** An argument names no stream, or one was deleted meanwhile. */
  onMissing(name: string): void;
  /** A part of a stream was trimmed before it was read: it isn't in the export. */
  onMissed(name: string, missed: Missed): void;
}

/** What was exported. */
export interface ExportSums {
  streams: number;
  messages: number;
  bytes: number;
  /** Streams that an earlier run had exported. */
  resumed: number;
}

/**
 * Writes streams as lines, one stream after the other, each as far as it went when its turn came.
 *
 * @throws {ClientError}
 */
export async function exportStreams(options: ExportOptions): Promise<ExportSums> {
  const { from, selection, done, signal, onMissing } = options;
  const sums = { streams: 0, messages: 0, bytes: 0, resumed: 0 };
  for await (const stream of selected(from.session, selection, signal, onMissing)) {
    if (done.has(stream.name)) {
      sums.resumed++;
      continue;
    }
    try {
      await exportStream(stream, options, sums);
      sums.streams++;
    } catch (error) {
      if (!isMissing(error)) throw error;
      onMissing(stream.name);
    }
  }
  await options.write(encodeObject({ export: sums.streams + sums.resumed }));
  return sums;
}

async function exportStream(
  { name, contentType = DEFAULT_CONTENT_TYPE, ttlSeconds, expiresAt, nextOffset }: ListedStream,
  { from: { session }, signal, write, onBytes, onMissed }: ExportOptions,
  sums: ExportSums,
): Promise<void> {
  const reader = session.client.reader(name, {
    offset: START,
    readMode: "catch-up",
    trimmed: "skip",
    maxElapsedMs: session.maxElapsedMs,
    signal,
  });
  const cursor = new StreamCursor(
    reader,
    contentType,
    nextOffset,
    (missed) => onMissed(name, missed),
  );
  let hasBegun = false;
  try {
    // Before anything is written: a stream that is gone by now leaves no line.
    let next = await cursor.peek();
    hasBegun = true;
    const expires = expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() };
    await write(encodeObject({
      stream: name,
      contentType,
      ...(ttlSeconds !== undefined && { ttlSeconds }),
      ...expires,
    }));
    const digest = new ContentDigest(cursor.isJson);
    for (; next !== undefined; next = await cursor.peek()) {
      const bytes = cursor.isJson ? next : next.subarray(0, LINE_BYTES);
      const line = cursor.isJson ? encodeMessage(bytes) : encodeBytes(bytes, contentType);
      // Without line breaks, as it is digested again.
      digest.add([cursor.isJson ? messageOf(line) : bytes]);
      await write(line);
      onBytes(bytes.length);
      cursor.advance(cursor.isJson ? Infinity : bytes.length);
    }
    sums.messages += digest.messages;
    sums.bytes += digest.bytes;
    const { messages, bytes } = digest;
    await write(encodeObject({
      end: { messages, bytes, sha256: digest.end(), closed: cursor.isClosed },
    }));
  } catch (error) {
    if (hasBegun && isMissing(error)) await write(encodeObject({ gone: name }));
    throw error;
  } finally {
    await cursor.close();
  }
}
