import { Buffer } from "node:buffer";
import { bodyLength, type FileSlice, isFileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Socket } from "./socket.ts";

/**
 * Up to here one write of two things costs less than one for each: a body of 64 KiB that is copied behind
 * its head takes 18 µs to send, and 24 µs as a second write or by sendfile.
 */
const JOINED_LIMIT_BYTES = 128 * 1024;
const JOINED_HELD_LIMIT_BYTES = 16 * 1024;

let joined: Buffer<ArrayBuffer> | undefined;

/** What is read of a file where its socket has no room for it, to be told when it has. */
const CHUNK_BYTES = 16 * 1024;

let piece: Uint8Array<ArrayBuffer> | undefined;

type Sendable = Bytes | string | FileSlice;

/** What goes to a client: written at once as far as there is room, the rest as it drains. */
export class WriteQueue {
  readonly #socket: Socket;
  readonly #queue: Sendable[] = [];
  #queuedBytes = 0;
  #sentBytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What hasn't gone out yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** What has gone out so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /**
   * @param data text of ASCII characters only, bytes that nobody writes over, or a part of a file, which is
   * let go of once it is sent
   * @throws where a file can't be read
   */
  send(data: Sendable): void {
    if (this.#queue.length > 0) return this.#enqueue(data);
    const taken = this.#write(data);
    if (taken < lengthOf(data)) this.#enqueue(rest(data, taken));
    else release(data);
  }

  /**
   * Sends all of it, one after the other: in one write where that costs less than one for each.
   *
   * @throws as {@link send}, and then lets go of no file
   */
  sendTogether(...parts: readonly Sendable[]): void {
    let length = 0;
    for (const part of parts) length += lengthOf(part);
    if (this.#queue.length > 0 || length > this.#joinedLimitBytes) {
      for (const part of parts) if (part !== "") this.send(part);
      return;
    }
    const all = this.#bufferFor(length);
    let end = 0;
    for (const part of parts) end += copyInto(all, end, part);
    const taken = Math.max(0, this.#socket.write(all.subarray(0, length)));
    this.#sentBytes += taken;
    let start = 0;
    for (const part of parts) {
      const partLength = lengthOf(part);
      const partTaken = Math.max(0, taken - start);
      if (partTaken < partLength) this.#enqueue(rest(part, partTaken));
      else release(part);
      start += partLength;
    }
  }

  /**
   * Goes on where there is room again; true where all has gone out.
   *
   * @throws where a file can't be read
   */
  drain(): boolean {
    while (true) {
      const [first] = this.#queue;
      if (first === undefined) return true;
      const taken = this.#write(first);
      this.#queuedBytes -= taken;
      if (taken < lengthOf(first)) {
        this.#queue[0] = rest(first, taken);
        return false;
      }
      this.#queue.shift();
      release(first);
    }
  }

  /** Lets go of what can't go out any more. */
  close(): void {
    for (const data of this.#queue.splice(0)) release(data);
    this.#queuedBytes = 0;
  }

  /** A socket that keeps what it takes needs other memory for each write, which costs more than it saves. */
  get #joinedLimitBytes(): number {
    return this.#socket.heldBytes === undefined ? JOINED_LIMIT_BYTES : JOINED_HELD_LIMIT_BYTES;
  }

  /** The same each time, where the socket doesn't keep what it takes. */
  #bufferFor(length: number): Buffer<ArrayBuffer> {
    if (this.#socket.heldBytes !== undefined) return Buffer.allocUnsafe(length);
    return joined ??= Buffer.allocUnsafeSlow(JOINED_LIMIT_BYTES);
  }

  #write(data: Sendable): number {
    const taken = isFileSlice(data)
      ? this.#writeSlice(data)
      : Math.max(0, this.#socket.write(data));
    this.#sentBytes += taken;
    return taken;
  }

  #writeSlice({ file, start, end }: FileSlice): number {
    let at = start;
    while (at < end) {
      at += file.sendTo(this.#socket.fd, at, end - at);
      if (at === end) break;
      // The socket tells that it has room only after a write of its own that came short.
      piece ??= new Uint8Array(CHUNK_BYTES);
      const length = file.readSync(piece.subarray(0, end - at), at);
      if (length === 0) throw endsBefore(file, at);
      const taken = Math.max(0, this.#socket.write(piece.subarray(0, length)));
      at += taken;
      if (taken < length) break;
    }
    return at - start;
  }

  #enqueue(data: Sendable): void {
    this.#queue.push(data);
    this.#queuedBytes += lengthOf(data);
  }
}

function lengthOf(data: Sendable): number {
  return typeof data === "string" ? data.length : bodyLength(data);
}

/** How many bytes it was. */
function copyInto(all: Buffer<ArrayBuffer>, at: number, data: Sendable): number {
  if (typeof data === "string") return all.write(data, at, "latin1");
  if (!isFileSlice(data)) {
    all.set(data, at);
    return data.length;
  }
  const { file, start, end } = data;
  const length = file.readSync(all.subarray(at, at + end - start), start);
  if (length < end - start) throw endsBefore(file, start + length);
  return length;
}

function endsBefore({ path }: FileSlice["file"], position: number): Error {
  return new Error(`${path} ends at ${position}, before what is sent of it does.`);
}

function rest(data: Sendable, from: number): Sendable {
  if (isFileSlice(data)) return { ...data, start: data.start + from };
  return typeof data === "string" ? data.slice(from) : data.subarray(from);
}

function release(data: Sendable): void {
  if (isFileSlice(data)) data.release();
}
