/** A part of a stream that holds fewer bytes than it is long: a compaction has left messages out of it. */
export interface GappedPart {
  /** Offset of its first byte. */
  readonly base: number;
  /** Offset after its last one. */
  readonly end: number;
  /** How many bytes it holds. */
  readonly bytes: number;
}

/** Where bytes are missing of a stream's own. Where in a part they are isn't known here. */
export class Gaps {
  /** None of them. */
  static readonly NONE = new Gaps([]);
  readonly #parts: readonly GappedPart[];

  /** @param parts of which those count that hold less than all; they don't overlap */
  constructor(parts: readonly GappedPart[]) {
    this.#parts = parts.filter(({ base, end, bytes }) => end - base > bytes)
      .map(({ base, end, bytes }) => ({ base, end, bytes }))
      .sort((a, b) => a.base - b.base);
  }

  /** Whether nothing is missing. */
  get isNone(): boolean {
    return this.#parts.length === 0;
  }

  /** Those with other parts in the place of all that begin at these offsets. */
  replacing(bases: readonly number[], parts: readonly GappedPart[]): Gaps {
    const gone = new Set([...bases, ...parts.map(({ base }) => base)]);
    return new Gaps([...this.#parts.filter(({ base }) => !gone.has(base)), ...parts]);
  }

  /**
   * How many bytes are missing from a position on. Of a part that it is within no fewer count as held than
   * are: all that the part holds, as far as there is room for that behind the position.
   */
  missingFrom(position: number): number {
    return this.#parts.reduce(
      (sum, { base, end, bytes }) => sum + Math.max(0, end - Math.max(base, position) - bytes),
      0,
    );
  }

  /**
   * The last position from which on at least so many bytes are held up to `end`, by what is known here: of
   * a part that has the first of them it is the beginning. Below 0 where so many aren't held.
   */
  startOfLast(bytes: number, end: number): number {
    let start = end - bytes;
    for (const part of this.#parts.toReversed()) {
      if (part.base >= end) continue;
      const partEnd = Math.min(part.end, end);
      if (start >= partEnd) return start;
      const heldBytes = Math.max(0, part.bytes - (part.end - partEnd));
      if (start >= partEnd - heldBytes) return part.base;
      start -= partEnd - part.base - heldBytes;
    }
    return start;
  }
}
