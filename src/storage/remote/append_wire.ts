import { NO_BYTES } from "../../protocol/bytes.ts";
import { type Offset, positionOf } from "../../protocol/offset.ts";
import { formatTraceparent, parseTraceparent } from "../../tracing/trace_context.ts";
import { invariant } from "../invariant.ts";
import type { Appended, AppendRequest } from "../storage.ts";

/**
 * Appends and their answers as bytes: a copy of objects between threads would cost an append more than
 * the storage does.
 */

/** A longer append goes by itself: its body is copied once then, and not with the pack again. */
export const BATCHED_BODY_LIMIT_BYTES = 16 * 1024;

const FIRST_CAPACITY_BYTES = 64 * 1024;

const CALL_BYTES = 52;
const CLOSE = 1;
const HAS_TYPE = 2;
const HAS_SEQ = 4;
const HAS_PRODUCER = 8;
const HAS_EXPECTED_TAIL = 16;
const HAS_EXPECTED_SPACE = 32;
const HAS_TRACE = 64;
const UNKNOWN_FLAG = 128;
/** Behind the body, where there is one: a `traceparent`. */
const TRACE_BYTES = 55;

const REPLY_BYTES = 37;
const CLOSED = 1;
const DUPLICATE = 2;
/** A character takes at most so many bytes in UTF-8. */
const CHAR_BYTES = 3;
/** Longer texts would have another length than what says it. */
const TEXTS_LIMIT_BYTES = 0xffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Whether an append is packed. */
export function isBatched({ body }: AppendRequest): boolean {
  return body.length <= BATCHED_BODY_LIMIT_BYTES;
}

/** Whether an append's texts are short enough to be packed; the server's limits are far below. */
export function isPackable(name: string, request: AppendRequest): boolean {
  return charsOf(name, request) * CHAR_BYTES <= TEXTS_LIMIT_BYTES;
}

function charsOf(name: string, { contentType, seq, producer }: AppendRequest): number {
  const chars = name.length + (contentType?.length ?? 0) + (seq?.length ?? 0);
  return chars + (producer?.id.length ?? 0);
}

/** Bytes that grow, to be given away. */
class BatchBuffer {
  protected bytes = new Uint8Array(FIRST_CAPACITY_BYTES);
  protected view = new DataView(this.bytes.buffer);
  protected end = 0;

  get isEmpty(): boolean {
    return this.end === 0;
  }

  /** What was packed; the pack is empty afterwards. */
  take(): ArrayBuffer {
    const taken = this.bytes.buffer.slice(0, this.end);
    this.end = 0;
    return taken;
  }

  protected reserve(moreBytes: number): void {
    const wanted = this.end + moreBytes;
    if (wanted <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** Appends on their way to the storage. */
export class AppendBatch extends BatchBuffer {
  add(id: number, name: string, request: AppendRequest): void {
    const { body, contentType = "", seq = "", producer, expectedTail, trace } = request;
    const textsBytes = charsOf(name, request) * CHAR_BYTES;
    invariant(textsBytes <= TEXTS_LIMIT_BYTES, "nobody packs what isn't packable");
    this.reserve(CALL_BYTES + textsBytes + body.length + TRACE_BYTES);
    const { view } = this;
    const at = this.end;
    this.end += CALL_BYTES;
    view.setUint32(at, id, true);
    view.setUint8(at + 4, flagsOf(request));
    view.setUint16(at + 6, this.#text(name), true);
    view.setUint16(at + 8, this.#text(contentType), true);
    view.setUint16(at + 10, this.#text(seq), true);
    view.setUint16(at + 12, producer === undefined ? 0 : this.#text(producer.id), true);
    view.setUint32(at + 16, body.length, true);
    view.setFloat64(at + 20, expectedTail === undefined ? 0 : positionOf(expectedTail), true);
    view.setFloat64(at + 28, producer?.epoch ?? 0, true);
    view.setFloat64(at + 36, producer?.seq ?? 0, true);
    view.setFloat64(at + 44, typeof expectedTail === "object" ? expectedTail.space : 0, true);
    this.bytes.set(body, this.end);
    this.end += body.length;
    if (trace !== undefined) this.#text(formatTraceparent(trace));
  }

  #text(text: string): number {
    const { written } = encoder.encodeInto(text, this.bytes.subarray(this.end));
    this.end += written;
    return written;
  }
}

function flagsOf(request: AppendRequest): number {
  const { close, contentType, seq, producer, expectedTail, trace } = request;
  return (close === true ? CLOSE : 0) | (contentType === undefined ? 0 : HAS_TYPE) |
    (seq === undefined ? 0 : HAS_SEQ) | (producer === undefined ? 0 : HAS_PRODUCER) |
    (expectedTail === undefined ? 0 : HAS_EXPECTED_TAIL) |
    (typeof expectedTail === "object" ? HAS_EXPECTED_SPACE : 0) |
    (trace === undefined ? 0 : HAS_TRACE);
}

function expectedTailOf(view: DataView, at: number, flags: number): Offset | undefined {
  if ((flags & HAS_EXPECTED_TAIL) === 0) return undefined;
  const position = view.getFloat64(at + 20, true);
  return (flags & HAS_EXPECTED_SPACE) === 0
    ? position
    : { space: view.getFloat64(at + 44, true), position };
}

/**
 * Hands over each append of a pack; their bodies are parts of it.
 *
 * @throws {RangeError} where one asks for what isn't known here: another process may be of a newer version
 */
export function decodeAppends(
  packed: ArrayBuffer,
  take: (id: number, name: string, request: AppendRequest) => void,
): void {
  const pack = new Uint8Array(packed);
  const view = new DataView(packed);
  let end = 0;
  const text = (lengthBytes: number) => {
    const start = end;
    end += lengthBytes;
    return decoder.decode(pack.subarray(start, end));
  };
  while (end < pack.length) {
    const at = end;
    end += CALL_BYTES;
    const flags = view.getUint8(at + 4);
    if ((flags & UNKNOWN_FLAG) !== 0) throw new RangeError(`an append has the flags ${flags}`);
    const name = text(view.getUint16(at + 6, true));
    const contentType = text(view.getUint16(at + 8, true));
    const seq = text(view.getUint16(at + 10, true));
    const producerId = text(view.getUint16(at + 12, true));
    const bodyBytes = view.getUint32(at + 16, true);
    const body = bodyBytes === 0 ? NO_BYTES : pack.subarray(end, end + bodyBytes);
    end += bodyBytes;
    const trace = (flags & HAS_TRACE) === 0 ? undefined : parseTraceparent(text(TRACE_BYTES));
    take(view.getUint32(at, true), name, {
      contentType: (flags & HAS_TYPE) === 0 ? undefined : contentType,
      body,
      close: (flags & CLOSE) !== 0,
      seq: (flags & HAS_SEQ) === 0 ? undefined : seq,
      producer: (flags & HAS_PRODUCER) === 0 ? undefined : {
        id: producerId,
        epoch: view.getFloat64(at + 28, true),
        seq: view.getFloat64(at + 36, true),
      },
      expectedTail: expectedTailOf(view, at, flags),
      trace,
    });
  }
}

/** The answers to appends, on their way back. */
export class AppendedBatch extends BatchBuffer {
  add(id: number, { space, tail, closed, duplicate, producer }: Appended): void {
    this.reserve(REPLY_BYTES);
    const { view, end: at } = this;
    this.end += REPLY_BYTES;
    view.setUint32(at, id, true);
    view.setUint8(
      at + 4,
      (closed ? CLOSED : 0) | (duplicate ? DUPLICATE : 0) |
        (producer === undefined ? 0 : HAS_PRODUCER),
    );
    view.setFloat64(at + 5, tail, true);
    view.setFloat64(at + 13, producer?.epoch ?? 0, true);
    view.setFloat64(at + 21, producer?.seq ?? 0, true);
    view.setFloat64(at + 29, space, true);
  }
}

/** Hands over each answer of a pack. */
export function decodeAppended(
  packed: ArrayBuffer,
  take: (id: number, answer: Appended) => void,
): void {
  const view = new DataView(packed);
  for (let at = 0; at < packed.byteLength; at += REPLY_BYTES) {
    const flags = view.getUint8(at + 4);
    take(view.getUint32(at, true), {
      space: view.getFloat64(at + 29, true),
      tail: view.getFloat64(at + 5, true),
      closed: (flags & CLOSED) !== 0,
      duplicate: (flags & DUPLICATE) !== 0,
      producer: (flags & HAS_PRODUCER) === 0
        ? undefined
        : { epoch: view.getFloat64(at + 13, true), seq: view.getFloat64(at + 21, true) },
    });
  }
}
