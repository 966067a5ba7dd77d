/** One frame of a Zstandard body (RFC 8878 §3.1). */
export interface ZstdFrame {
  /** Where it ends in the body. */
  readonly end: number;
  /** How far its data refers back, which a decoder has to keep; 0 where it holds none. */
  readonly windowBytes: number;
  /** It holds nothing of the content. */
  readonly isSkippable: boolean;
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const SIZE_BYTES = 4;
const CHECKSUM_BYTES = 4;
const BLOCK_HEAD_BYTES = 3;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
/** Short content's size is stored less this. */
const CONTENT_SIZE_BASE = 256;

/**
 * The frame that begins at `start`, found by its headers alone. The runtimes' decoders stop without an
 * error at the end of the first frame, and where a frame is cut off.
 *
 * @throws {RangeError} whose message says why there is none
 */
export function zstdFrameAt(body: Uint8Array, start: number): ZstdFrame {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  try {
    const magic = view.getUint32(start, true);
    if (magic === MAGIC) return frameOf(view, start + SIZE_BYTES);
    if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
      const end = start + 2 * SIZE_BYTES + view.getUint32(start + SIZE_BYTES, true);
      return checkEnd(view, { end, windowBytes: 0, isSkippable: true });
    }
  } catch (error) {
    // A read after the end.
    throw error instanceof RangeError ? cutOff() : error;
  }
  throw new RangeError(`no frame begins at byte ${start}`);
}

function frameOf(view: DataView, headStart: number): ZstdFrame {
  const descriptor = view.getUint8(headStart);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  let at = headStart + 1;
  const window = isSingleSegment ? undefined : windowOf(view.getUint8(at++));
  at += DICTIONARY_ID_BYTES[descriptor & 3] ?? 0;
  const sizeBytes = CONTENT_SIZE_BYTES[descriptor >> 6] || (isSingleSegment ? 1 : 0);
  const windowBytes = window ?? contentSize(view, at, sizeBytes);
  at = blocksEnd(view, at + sizeBytes) + (hasChecksum ? CHECKSUM_BYTES : 0);
  return checkEnd(view, { end: at, windowBytes, isSkippable: false });
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(view: DataView, at: number, sizeBytes: number): number {
  switch (sizeBytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + CONTENT_SIZE_BASE;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function blocksEnd(view: DataView, start: number): number {
  let at = start;
  for (let isLast = false; !isLast;) {
    const head = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    isLast = (head & 1) !== 0;
    const isRepeatedByte = ((head >> 1) & 3) === 1;
    at += BLOCK_HEAD_BYTES + (isRepeatedByte ? 1 : head >> 3);
  }
  return at;
}

function checkEnd(view: DataView, frame: ZstdFrame): ZstdFrame {
  if (frame.end > view.byteLength) throw cutOff();
  return frame;
}

function cutOff(): RangeError {
  return new RangeError("it is cut off");
}
