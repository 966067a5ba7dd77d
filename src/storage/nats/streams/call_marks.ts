import type { StreamMessage } from "../format/message.ts";

/** Of so many front ends is the newest message remembered, for one stream. */
const MOST_FRONT_ENDS = 16;

/**
 * What a front end has to know of others to decide their appends. Whoever sends appends says up to which
 * message it knew its own when it sent them. A message that it wrote later revokes them: the sender, when no
 * answer comes, reads the stream and decides them anew, and its own message stands between. So however late
 * the first attempt comes, it is decided here on a state with that message, or is refused for its
 * expectation.
 */
export class CallMarks {
  /** The newest front end to write; 0: none was seen yet. */
  writtenBy = 0;
  /** Nothing is known of messages up to this one. */
  #knownFrom: number;
  /** By front ends, the one longest ago first. */
  readonly #newest = new Map<number, number>();

  /** @param knownFrom the newest message that isn't told of by {@link note} */
  constructor(knownFrom: number) {
    this.#knownFrom = knownFrom;
  }

  /** A message was folded. */
  note(message: StreamMessage, sequence: number): void {
    const { frontEnd } = message;
    this.writtenBy = frontEnd;
    this.#newest.delete(frontEnd);
    this.#newest.set(frontEnd, sequence);
    if (this.#newest.size <= MOST_FRONT_ENDS) return;
    for (const [oldest, newest] of this.#newest) {
      this.#newest.delete(oldest);
      this.#knownFrom = Math.max(this.#knownFrom, newest);
      return;
    }
  }

  /** Messages up to one were left out. */
  jump(sequence: number): void {
    this.#knownFrom = Math.max(this.#knownFrom, sequence);
  }

  /** Whether a front end may have decided otherwise about what it sent when it knew of a message. */
  isRevoked(frontEnd: number, sinceSequence: number): boolean {
    return sinceSequence < this.#knownFrom ||
      (this.#newest.get(frontEnd) ?? 0) > sinceSequence;
  }
}
