import type { Message, UnnumberedMessage } from "./message.ts";

/** How much the page holds of a stream. */
export interface RingLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** The newest messages that were read, oldest first, each by its number. */
export class MessageRing {
  readonly #limits: RingLimits;
  #items: Message[] = [];
  /** Where in the items the oldest one is: those before it are gone. */
  #head = 0;
  #bytes = 0;
  #dropped = 0;
  #next = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** The number of the oldest message. */
  get first(): number {
    return this.#next - this.size;
  }

  /** The number that the next message gets. */
  get next(): number {
    return this.#next;
  }

  /** How many messages it holds. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** The bytes of the messages that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many it had and has no more. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether another message would push one out. */
  get isFull(): boolean {
    return this.size >= this.#limits.messages || this.#bytes >= this.#limits.bytes;
  }

  /** A message by its number; undefined where it isn't there. */
  at(number: number): Message | undefined {
    const index = number - this.first;
    return index < 0 ? undefined : this.#items[this.#head + index];
  }

  /** Adds newer messages and drops the oldest, down to the limits; the newest one always stays. */
  push(messages: readonly UnnumberedMessage[]): void {
    for (const message of messages) {
      this.#items.push({ ...message, number: this.#next++ });
      this.#bytes += message.bytes.length;
    }
    while (this.size > 1 && this.#isOver()) this.#dropOldest();
    if (this.#head > 4096 && this.#head > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Puts older messages before those that are there, as many of the newest of them as there is room for. */
  prepend(messages: readonly UnnumberedMessage[]): void {
    let number = this.first;
    const taken: Message[] = [];
    for (const message of messages.toReversed()) {
      if (this.size + taken.length >= this.#limits.messages) break;
      if (this.#bytes + message.bytes.length > this.#limits.bytes) break;
      taken.push({ ...message, number: --number });
      this.#bytes += message.bytes.length;
    }
    this.#items = [...taken.reverse(), ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  #isOver(): boolean {
    return this.size > this.#limits.messages || this.#bytes > this.#limits.bytes;
  }

  #dropOldest(): void {
    const oldest = this.#items[this.#head];
    if (oldest === undefined) return;
    this.#bytes -= oldest.bytes.length;
    this.#dropped++;
    // The slot lets go of its bytes now, and of itself once half of the slots are such.
    this.#items[this.#head++] = GONE;
  }
}

const GONE: Message = { number: -1, bytes: new Uint8Array(0), start: "", end: "" };
