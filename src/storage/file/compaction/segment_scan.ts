import type { Bytes } from "../../../protocol/bytes.ts";
import type { SegmentRow } from "../catalog/catalog.ts";
import { checkBlocks } from "../segments/block_check.ts";
import type { OpenSegments } from "../segments/open_segments.ts";
import { gappedBytesOf } from "../segments/reader.ts";

/** Read at once: so much of it is looked at before others get their turns. */
const WINDOW_BYTES = 128 * 1024;
const LINE_FEED = 0x0a;

/** A message as it stands in a window of a segment, from `start` to `end` with what follows it. */
export interface ScannedMessage {
  bytes: Bytes;
  start: number;
  end: number;
  /** Offset in the stream of its first byte. */
  position: number;
  /** Its number among the stream's own messages. */
  number: number;
  /** When it came, or one behind it in its block. */
  atMs: number;
}

/**
 * Goes over all messages of a JSON stream's segment, whose blocks are checked; one object is each of them,
 * in turn.
 *
 * @param onWindow called after some of them, for how many bytes, and waited for
 * @throws {StreamError} `damaged`
 * @throws {FileSystemError}
 */
export async function scanSegment(
  open: OpenSegments,
  segment: SegmentRow,
  onMessage: (message: ScannedMessage) => void,
  onWindow: (bytes: number) => Promise<void>,
): Promise<void> {
  const { blocks, end } = segment;
  const gappedBytes = gappedBytesOf(segment);
  for (let from = segment.base; from < end;) {
    from = await open.use(segment, async ({ indexReader, log }) => {
      const run = await indexReader.load(() =>
        indexReader.run(from, WINDOW_BYTES, end, blocks, gappedBytes)
      );
      const bytes = new Uint8Array(run.fileEnd - run.filePosition);
      const length = await log.read(bytes, run.filePosition);
      checkBlocks(log.path, run, bytes.subarray(0, length));
      for (let block = run.first; block <= run.last; block++) {
        const { messages, atMs, filePosition } = run.entry(block);
        const at = filePosition - run.filePosition;
        const blockBytes = bytes.subarray(at, run.fileEndOf(block) - run.filePosition);
        scanBlock(blockBytes, run.startOf(block), messages, atMs, onMessage);
      }
      return run.end;
    });
    await onWindow(WINDOW_BYTES);
  }
}

function scanBlock(
  bytes: Bytes,
  blockStart: number,
  messages: number,
  atMs: number,
  onMessage: (message: ScannedMessage) => void,
): void {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  const message = { bytes, start: 0, end: 0, position: 0, number: messages - count, atMs };
  while (message.start < bytes.length) {
    message.end = bytes.indexOf(LINE_FEED, message.start) + 1;
    if (message.end === 0) message.end = bytes.length;
    message.position = blockStart + message.start;
    onMessage(message);
    message.start = message.end;
    message.number++;
  }
}
