import type { Appended, AppendRequest } from "../../storage.ts";
import type { EventKind } from "./message_writer.ts";
import type { QueueRoom } from "./queue_room.ts";

/** A waiting command that has no body takes so much memory. */
const COMMAND_BYTES = 256;

/** An append that waits for its message. */
export interface WaitingAppend {
  readonly kind: "append";
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
  readonly decide: () => EventKind | undefined | Promise<EventKind | undefined>;
  resolve(event: EventKind | undefined): void;
  reject(error: unknown): void;
}

/** What waits to be written to one stream, in its order. */
export class WaitingQueue {
  readonly #room: QueueRoom;
  #waiting: (WaitingAppend | WaitingEvent)[] = [];

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
    this.#room.enter(bytes, this.#waiting.length);
    return bytes;
  }

  add(one: WaitingAppend | WaitingEvent): void {
    this.#waiting.push(one);
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
