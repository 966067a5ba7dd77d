import { Buffer } from "node:buffer";
import { bodyLength, type FileSlice, isFileSlice } from "../env/file_body.ts";
import type { SendMore } from "../env/send_more.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { Socket } from "./socket.ts";

/**
 * Up to here one write of two things costs less than one for each, where the system can't be told that
 * more follows: a body of 64 KiB that is copied behind its head takes 18 µs to send, and 24 µs as a second
 * write.
 */
const JOINED_LIMIT_BYTES = 128 * 1024;

let joined: Buffer<ArrayBuffer> | undefined;

/** What is read of a file where its socket has no room for it, to be told when it has. */
const PROBE_BYTES = 16 * 1024;
/** What is read of a file at once where the system can't send it. */
const CHUNK_BYTES = 64 * 1024;

type Sendable = Bytes | string | FileSlice;

/** What goes to a client: written at once as far as there is room, the rest as it drains. */
export class WriteQueue {
  readonly #socket: Socket;
  readonly #sendMore: SendMore | undefined;
  readonly #isEncrypted: boolean;
  readonly #queue: Sendable[] = [];
  #queuedBytes = 0;
  #sentBytes = 0;

  /**
   * @param sendMore sends what more follows at once, where the system can; not past a socket that encrypts
   * @param isEncrypted whether the socket encrypts: parts of files are read then, as the system would send
   * them as they are
   */
  constructor(socket: Socket, sendMore?: SendMore, isEncrypted = false) {
    this.#socket = socket;
    this.#sendMore = isEncrypted ? undefined : sendMore;
    this.#isEncrypted = isEncrypted;
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
    this.#send(data, false);
  }

  #send(data: Sendable, moreFollows: boolean): void {
    if (this.#queue.length > 0) return this.#enqueue(data, 0);
    const taken = this.#write(data, moreFollows);
    if (taken < lengthOf(data)) this.#enqueue(data, taken);
    else release(data);
  }

  /**
   * Sends all of it, one after the other: in one write where that costs less than one for each.
   *
   * @throws as {@link send}, and then lets go of no file
   */
  sendTogether(...parts: readonly Sendable[]): void {
    let length = 0;
    let isCopied = this.#queue.length === 0;
    for (const part of parts) {
      length += lengthOf(part);
      if (this.#sendMore === undefined || !isFileSlice(part)) continue;
      // A bracket behind a part of a file would be a packet of its own, which costs more than reading it.
      if (part.file.viewAt !== undefined || parts.at(-1) === "") isCopied = false;
    }
    const all = isCopied && length <= JOINED_LIMIT_BYTES ? this.#bufferFor(length) : undefined;
    if (all === undefined || all.length < length) return this.#sendEach(parts);
    let end = 0;
    for (const part of parts) end += copyInto(all, end, part);
    const taken = Math.max(0, this.#socket.write(all));
    this.#sentBytes += taken;
    let start = 0;
    for (const part of parts) {
      const partLength = lengthOf(part);
      const partTaken = Math.max(0, taken - start);
      if (partTaken < partLength) this.#enqueue(part, partTaken);
      else release(part);
      start += partLength;
    }
  }

  #sendEach(parts: readonly Sendable[]): void {
    let left = 0;
    for (const part of parts) if (part !== "") left++;
    for (const part of parts) if (part !== "") this.#send(part, --left > 0);
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
      const taken = this.#write(first, false);
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

  /** The same each time, where the socket doesn't keep what it takes; `undefined` where that has no room. */
  #bufferFor(length: number): Buffer<ArrayBuffer> | undefined {
    const socket = this.#socket;
    if (socket.borrow !== undefined) return socket.borrow(length);
    joined ??= Buffer.allocUnsafeSlow(JOINED_LIMIT_BYTES);
    return joined.subarray(0, length);
  }

  #write(data: Sendable, moreFollows: boolean): number {
    const taken = isFileSlice(data)
      ? this.#writeSlice(data, moreFollows)
      : this.#writeData(data, moreFollows);
    this.#sentBytes += taken;
    return taken;
  }

  #writeData(data: Bytes | string, moreFollows: boolean): number {
    const socket = this.#socket;
    const taken = moreFollows ? this.#sendMore?.(socket.fd, data) ?? 0 : 0;
    if (taken === data.length) return taken;
    // The socket tells that it has room only after a write of its own that came short.
    const left = taken === 0
      ? data
      : typeof data === "string"
      ? data.slice(taken)
      : data.subarray(taken);
    return taken + Math.max(0, socket.write(left));
  }

  #writeSlice({ file, start, end }: FileSlice, moreFollows: boolean): number {
    let at = start;
    while (at < end) {
      // A socket that keeps what it takes needs a copy.
      const view = this.#socket.borrow === undefined ? file.viewAt?.(at, end) : undefined;
      if (view !== undefined) {
        const taken = this.#writeData(view, moreFollows || at + view.length < end);
        at += taken;
        if (taken < view.length) break;
        continue;
      }
      let mostBytes = CHUNK_BYTES;
      if (file.sendTo !== undefined && !this.#isEncrypted) {
        at += file.sendTo(this.#socket.fd, at, end - at);
        if (at === end) break;
        // The socket tells that it has room only after a write of its own that came short.
        mostBytes = PROBE_BYTES;
      }
      const chunk = this.#bufferFor(Math.min(end - at, mostBytes));
      if (chunk === undefined) break;
      const length = file.readSync(chunk, at);
      if (length === 0) throw endsBefore(file, at);
      const taken = Math.max(0, this.#socket.write(chunk.subarray(0, length)));
      at += taken;
      if (taken < length) break;
    }
    return at - start;
  }

  /** Keeps what is left of it, from `taken` on. */
  #enqueue(data: Sendable, taken: number): void {
    const left = rest(data, taken);
    this.#queue.push(left);
    this.#queuedBytes += lengthOf(left);
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
  if (isFileSlice(data)) {
    const start = data.start + from;
    const copy = data.copied?.(start, data.end);
    if (copy === undefined) return { ...data, start };
    data.release();
    return copy;
  }
  return typeof data === "string" ? data.slice(from) : data.subarray(from);
}

function release(data: Sendable): void {
  if (isFileSlice(data)) data.release();
}
