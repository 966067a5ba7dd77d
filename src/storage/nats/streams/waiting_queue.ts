import type { Appended, AppendRequest } from "../../storage.ts";
import type { EventKind } from "./message_writer.ts";
import type { QueueRoom } from "./queue_room.ts";

/** A waiting command that has no body takes so much memory. */
const COMMAND_BYTES = 256;

/** An append that waits for its message. */
export interface WaitingAppend {
  readonly kind: "append";
  readonly order: number;
  readonly request: AppendRequest;
  readonly bytes: number;
  /** The call of another front end that it came by. */
  readonly from: Origin | undefined;
  resolve(appended: Appended | undefined): void;
  reject(error: unknown): void;
}

/** Where an append of another front end's comes from. */
export interface Origin {
  readonly frontEnd: number;
  readonly call: number;
  readonly sinceSequence: number;
  /** Which one of the call's requests. */
  readonly index: number;
}

/** Something else that is to be recorded. */
export interface WaitingEvent {
  readonly kind: "event";
  readonly order: number;
  readonly decide: () => EventKind | undefined | Promise<EventKind | undefined>;
  resolve(event: EventKind | undefined): void;
  reject(error: unknown): void;
}

/** What waits to be written to one stream, in its order. */
export class WaitingQueue {
  readonly #room: QueueRoom;
  #waiting: (WaitingAppend | WaitingEvent)[] = [];
  /** How many appends were taken, and are neither answered nor back. */
  #taken = 0;
  #orders = 0;

  constructor(room: QueueRoom) {
    this.#room = room;
  }

  /** What comes next. */
  get first(): WaitingAppend | WaitingEvent | undefined {
    return this.#waiting[0];
  }

  /**
   * Takes room for an append that is about to be added; how many bytes that is.
   *
   * @throws {StreamError} `overloaded`
   */
  enter({ body }: AppendRequest): number {
    const bytes = body.length + COMMAND_BYTES;
    this.#room.enter(bytes, this.length);
    return bytes;
  }

  /** How many there are, those that were taken included. */
  get length(): number {
    return this.#waiting.length + this.#taken;
  }

  /** The number of the next one, by which it finds its place again. */
  nextOrder(): number {
    return ++this.#orders;
  }

  add(one: WaitingAppend | WaitingEvent): void {
    this.#waiting.push(one);
  }

  /** The first ones, which were looked at, are decided elsewhere; they keep their room. */
  take(count: number): void {
    this.drop(count);
    this.#taken += count;
  }

  /** One that was taken is answered. */
  leaveTaken({ bytes }: WaitingAppend): void {
    this.#taken--;
    this.#room.leave(bytes);
  }

  /** Those that were taken and aren't answered wait again, where they did. */
  putBack(taken: readonly WaitingAppend[]): void {
    if (taken.length === 0) return;
    this.#taken -= taken.length;
    this.#waiting = [...taken, ...this.#waiting].sort((a, b) => a.order - b.order);
  }

  /** The appends that come first. */
  firstAppends(): WaitingAppend[] {
    const group: WaitingAppend[] = [];
    for (const one of this.#waiting) {
      if (one.kind !== "append") break;
      group.push(one);
    }
    return group;
  }

  /** The first ones wait no more; their room is the caller's to give back. */
  drop(count: number): void {
    this.#waiting = this.#waiting.slice(count);
  }

  /** These wait no more, and take no room. */
  leave(answered: ReadonlySet<WaitingAppend>): void {
    if (answered.size === 0) return;
    this.#waiting = this.#waiting.filter((each) => each.kind === "event" || !answered.has(each));
    for (const { bytes } of answered) this.#room.leave(bytes);
  }
}
