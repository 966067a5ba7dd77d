import type { Bytes } from "../protocol/bytes.ts";
import type { Socket } from "./socket.ts";

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
