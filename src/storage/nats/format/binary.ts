import { crc32 } from "node:zlib";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../protocol/bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";

/**
 * What all that is stored in the cluster begins with (FORMAT.md, "frames"): a mark, the version, the kind,
 * flags, and the checksum over all else.
 */
export const FRAME_HEAD_BYTES = 8;

const MARK = 0xd5;
const VERSION = 1;
const CRC_AT = 4;
const U32 = 2 ** 32;

/** Bytes that are not what they should be. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

/** Begins a frame that has as many bytes; {@link sealFrame} ends it. */
export function beginFrame(lengthBytes: number, kind: number, flags: number): Bytes {
  const bytes = new Uint8Array(lengthBytes);
  bytes[0] = MARK;
  bytes[1] = VERSION;
  bytes[2] = kind;
  bytes[3] = flags;
  return bytes;
}

/** Puts the checksum into a frame that is otherwise complete. */
export function sealFrame(bytes: Bytes): Bytes {
  viewOf(bytes).setUint32(CRC_AT, checksum(bytes), true);
  return bytes;
}

/**
 * The kind and flags of a frame, all of whose bytes are as they were stored.
 *
 * @throws {MalformedFrame}
 */
export function openFrame(bytes: Bytes): { kind: number; flags: number } {
  if (bytes.length < FRAME_HEAD_BYTES) {
    throw new MalformedFrame(`it has ${bytes.length} bytes, fewer than any frame`);
  }
  const [mark, version, kind = 0, flags = 0] = bytes;
  if (mark !== MARK) {
    throw new MalformedFrame(`it begins with the byte ${mark}, which no frame does`);
  }
  if (viewOf(bytes).getUint32(CRC_AT, true) !== checksum(bytes)) {
    throw new MalformedFrame("its checksum doesn't match its bytes");
  }
  if (version !== VERSION) {
    throw new MalformedFrame(
      `it has version ${version} of the format, and this program knows ${VERSION}`,
    );
  }
  return { kind, flags };
}

function checksum(bytes: Bytes): number {
  return crc32(bytes.subarray(FRAME_HEAD_BYTES), crc32(bytes.subarray(0, CRC_AT)));
}

/** Writes a whole number below 2^48 in 6 bytes. */
export function putU48(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % U32, true);
  view.setUint16(at + 4, Math.floor(value / U32), true);
}

/** Reads what {@link putU48} wrote. */
export function getU48(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint16(at + 4, true) * U32;
}

/** Writes a frame whose length isn't known before: for what is written seldom. */
export class FrameWriter {
  #bytes: Bytes;
  #view: DataView;
  #length = FRAME_HEAD_BYTES;

  constructor(kind: number, flags = 0) {
    this.#bytes = beginFrame(256, kind, flags);
    this.#view = viewOf(this.#bytes);
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u53(value: number): this {
    const at = this.#room(8);
    putU64(this.#view, at, value);
    return this;
  }

  /** Its length in UTF-8, then its bytes. */
  text(value: string): this {
    const bytes = encodeUtf8(value);
    this.u32(bytes.length);
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** How many bytes, then these. */
  bytes(value: Bytes): this {
    this.u32(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** How long it is so far. */
  get lengthBytes(): number {
    return this.#length;
  }

  /** The frame, complete. */
  seal(): Bytes {
    return sealFrame(this.#bytes.slice(0, this.#length));
  }

  /** Where so many bytes may be written: to `#bytes` as they are after this call. */
  #room(lengthBytes: number): number {
    const at = this.#length;
    this.#length += lengthBytes;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = viewOf(grown);
    }
    return at;
  }
}

/** Reads what a {@link FrameWriter} wrote. Each read throws a {@link MalformedFrame} past the end. */
export class FrameReader {
  readonly kind: number;
  readonly flags: number;
  readonly #bytes: Bytes;
  readonly #view: DataView;
  #at = FRAME_HEAD_BYTES;

  /** @throws {MalformedFrame} */
  constructor(bytes: Bytes) {
    const { kind, flags } = openFrame(bytes);
    this.kind = kind;
    this.flags = flags;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u53(): number {
    return getU64(this.#view, this.#take(8));
  }

  text(): string {
    const length = this.u32();
    const at = this.#take(length);
    return decodeUtf8(this.#bytes.subarray(at, at + length));
  }

  bytes(): Bytes {
    const length = this.u32();
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  /** Checks that nothing follows. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left !== 0) throw new MalformedFrame(`${left} bytes follow its end`);
  }

  #take(lengthBytes: number): number {
    const at = this.#at;
    this.#at += lengthBytes;
    if (this.#at > this.#bytes.length) throw new MalformedFrame("it ends too early");
    return at;
  }
}
