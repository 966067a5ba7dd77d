import type { Bytes } from "../../../src/protocol/bytes.ts";
import { type OffsetSpace, spaceAt } from "../../../src/protocol/offset.ts";
import { expect } from "../history/violation.ts";

const FIRST_BYTES = 1024;

/**
 * Which byte lies at each offset, as anybody was ever told: an offset means the same through every front end
 * and for ever, and so there is one order. A byte belongs to the offset behind it.
 */
export class OffsetBook {
  readonly #spaces = new Map<number, KnownBytes>();

  /** These bytes were read, or acknowledged, from `start` on. */
  learn(space: OffsetSpace, start: number, bytes: Bytes, from: string): void {
    const end = start + bytes.length;
    for (let at = start; at < end;) {
      const owner = spaceAt(space, at + 1);
      const until = Math.min(end, pointAfter(space, at));
      const known = this.#spaces.get(owner) ?? new KnownBytes();
      this.#spaces.set(owner, known);
      known.put(at, bytes.subarray(at - start, until - start), `${from} (space ${owner})`);
      at = until;
    }
  }
}

/** Where the next byte of another space begins. */
function pointAfter(space: OffsetSpace, at: number): number {
  let [nearest, level] = [Infinity, space];
  while (typeof level !== "number") {
    if (level.point > at) nearest = Math.min(nearest, level.point);
    level = level.source;
  }
  return nearest;
}

class KnownBytes {
  #bytes = new Uint8Array(FIRST_BYTES);
  #isKnown = new Uint8Array(FIRST_BYTES);
  readonly #told: { readonly start: number; readonly end: number; readonly from: string }[] = [];

  put(start: number, told: Bytes, from: string): void {
    const end = start + told.length;
    while (end > this.#bytes.length) this.#grow();
    const bytes = this.#bytes.subarray(start, end);
    const isKnown = this.#isKnown.subarray(start, end);
    let isNew = false;
    for (let i = 0; i < told.length; i++) {
      if (isKnown[i] === 0) {
        isKnown[i] = 1;
        bytes[i] = told[i] ?? 0;
        isNew = true;
      } else if (bytes[i] !== told[i]) this.#contradict(start + i, from);
    }
    if (isNew) this.#told.push({ start, end, from });
  }

  #contradict(at: number, from: string): void {
    const others = this.#told.filter(({ start, end }) => start <= at && at < end);
    const before = others.map((one) => one.from).join("; ");
    expect(false, `offset ${at} has two meanings: ${from}; before: ${before}`);
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    const isKnown = new Uint8Array(bytes.length);
    isKnown.set(this.#isKnown);
    this.#isKnown = isKnown;
  }
}
