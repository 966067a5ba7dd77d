import type { Message } from "../../reading/message.ts";
import type { MessageRing } from "../../reading/message_ring.ts";

/** So long it looks for what it takes before others get their turn. */
const SLICE_MS = 8;
/** And so many messages it looks at between two looks at the clock. */
const SLICE_MESSAGES = 64;

/** The messages that are shown: all, or those that a condition takes, found in slices of time. */
export class Selection {
  readonly condition: ((message: Message) => boolean) | undefined;
  readonly #ring: MessageRing;
  readonly #onChange: () => void;
  #numbers: number[] = [];
  #head = 0;
  /** Messages from here on haven't been looked at. */
  #next: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #generation = 0;

  constructor(
    ring: MessageRing,
    condition?: (message: Message) => boolean,
    onChange: () => void = () => {},
  ) {
    this.#ring = ring;
    this.condition = condition;
    this.#onChange = onChange;
    this.#next = ring.first;
  }

  /** How many messages are shown. */
  get size(): number {
    if (this.condition === undefined) return this.#ring.size;
    this.#dropGone();
    return this.#numbers.length - this.#head;
  }

  /** Counts up each time that all of them are looked at again. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether all that is loaded has been looked at. */
  get isDone(): boolean {
    return this.condition === undefined || this.#next >= this.#ring.next;
  }

  /** The number of the message in a row; that behind the last one where there is no such row. */
  numberAt(row: number): number {
    if (this.condition === undefined) return this.#ring.first + row;
    return this.#numbers[this.#head + row] ?? this.#ring.next;
  }

  /** The row of a message, or of the next one that is shown. */
  rowOf(number: number): number {
    if (this.condition === undefined) {
      return Math.min(Math.max(0, number - this.#ring.first), this.#ring.size);
    }
    let low = this.#head;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low - this.#head;
  }

  /** Looks at the messages that have come. */
  update(): void {
    if (this.condition === undefined || this.#timer !== undefined) return;
    this.#look();
  }

  /** Looks at all of them again, as after older ones have come. */
  reset(): void {
    this.close();
    this.#generation++;
    this.#numbers = [];
    this.#head = 0;
    this.#next = this.#ring.first;
    this.update();
  }

  /** Looks no further. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { condition } = this;
    if (condition === undefined) return;
    const until = performance.now() + SLICE_MS;
    this.#next = Math.max(this.#next, this.#ring.first);
    while (this.#next < this.#ring.next && performance.now() < until) {
      const end = Math.min(this.#next + SLICE_MESSAGES, this.#ring.next);
      for (; this.#next < end; this.#next++) {
        const message = this.#ring.at(this.#next);
        if (message !== undefined && condition(message)) this.#numbers.push(this.#next);
      }
    }
    this.#dropGone();
    this.#onChange();
    if (this.#next < this.#ring.next) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#look();
      }, 0);
    }
  }

  #dropGone(): void {
    const { first } = this.#ring;
    while (this.#head < this.#numbers.length && (this.#numbers[this.#head] ?? 0) < first) {
      this.#head++;
    }
    if (this.#head > 4096) {
      this.#numbers = this.#numbers.slice(this.#head);
      this.#head = 0;
    }
  }
}
