import { type Bytes, concatBytes } from "../../protocol/bytes.ts";

/**
 * What a connection is to be sent together. Those that get the same events have the same batch, which is
 * joined once for all of them: a batch knows the one that was made of it last by a further event.
 */
export class EventBatch {
  /** How long all of its events are. */
  readonly bytes: number;
  readonly #before: EventBatch | undefined;
  readonly #event: Bytes;
  #next: EventBatch | undefined;
  #control: Bytes | undefined;
  #chunk: Bytes | undefined;

  /** @param before the events that come first */
  constructor(before: EventBatch | undefined, event: Bytes) {
    this.#before = before;
    this.#event = event;
    this.bytes = (before?.bytes ?? 0) + event.length;
  }

  /** Whether it ends with this very event. */
  endsWith(event: Bytes): boolean {
    return this.#event === event;
  }

  /** These events and one more. */
  and(event: Bytes): EventBatch {
    if (this.#next?.endsWith(event) === true) return this.#next;
    this.#next = new EventBatch(this, event);
    return this.#next;
  }

  /** All events, in order. */
  events(): Bytes[] {
    const events = [this.#event];
    for (let at = this.#before; at !== undefined; at = at.#before) events.push(at.#event);
    return events.reverse();
  }

  /** All events and the control event behind them: the same bytes for the same control event. */
  joined(control: Bytes): Bytes {
    if (this.#chunk === undefined || this.#control !== control) {
      this.#control = control;
      this.#chunk = concatBytes([...this.events(), control]);
    }
    return this.#chunk;
  }
}

/** Where batches begin, so that those of several connections are the same. */
export class EventBatches {
  #first: EventBatch | undefined;

  /** The batch of one event. */
  of(event: Bytes): EventBatch {
    if (this.#first?.endsWith(event) === true) return this.#first;
    this.#first = new EventBatch(undefined, event);
    return this.#first;
  }

  /** Lets go of what was sent. */
  clear(): void {
    this.#first = undefined;
  }
}
