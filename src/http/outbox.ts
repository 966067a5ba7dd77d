import { Buffer } from "node:buffer";
import type { Bytes } from "../protocol/bytes.ts";
import type { Socket } from "./socket.ts";

/** Up to here one write of two things costs less than one for each. */
const JOINED_LIMIT_BYTES = 16 * 1024;

let joined: Buffer<ArrayBuffer> | undefined;

/** What goes to a client: written at once as far as there is room, the rest as it drains. */
export class Outbox {
  readonly #socket: Socket;
  readonly #queue: (Bytes | string)[] = [];
  #queuedBytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What hasn't gone out yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** @param data text of ASCII characters only, or bytes that nobody writes over */
  send(data: Bytes | string): void {
    if (this.#queue.length > 0) return this.#enqueue(data);
    const taken = Math.max(0, this.#socket.write(data));
    if (taken < data.length) this.#enqueue(rest(data, taken));
  }

  /** Sends both, one after the other. */
  sendBoth(head: Bytes | string, body: Bytes): void {
    const length = head.length + body.length;
    if (this.#queue.length > 0 || typeof head !== "string" || length > JOINED_LIMIT_BYTES) {
      this.send(head);
      this.send(body);
      return;
    }
    // The same memory each time: the socket has taken what it takes when it returns.
    joined ??= Buffer.allocUnsafeSlow(JOINED_LIMIT_BYTES);
    joined.write(head, 0, "latin1");
    joined.set(body, head.length);
    const taken = Math.max(0, this.#socket.write(joined.subarray(0, length)));
    if (taken < head.length) this.#enqueue(rest(head, taken));
    if (taken < length) this.#enqueue(rest(body, Math.max(0, taken - head.length)));
  }

  /** Goes on where there is room again; true where all has gone out. */
  drain(): boolean {
    while (true) {
      const [first] = this.#queue;
      if (first === undefined) return true;
      const taken = Math.max(0, this.#socket.write(first));
      this.#queuedBytes -= taken;
      if (taken < first.length) {
        this.#queue[0] = rest(first, taken);
        return false;
      }
      this.#queue.shift();
    }
  }

  #enqueue(data: Bytes | string): void {
    this.#queue.push(data);
    this.#queuedBytes += data.length;
  }
}

function rest(data: Bytes | string, from: number): Bytes | string {
  return typeof data === "string" ? data.slice(from) : data.subarray(from);
}
