/** What a slot takes: a hash of 128 bits and a position. */
const SLOT_BYTES = 24;
const HASH_WORDS = 4;
const FIRST_SLOTS = 1024;
/** Above that, look-ups take long. */
const MAX_LOAD = 0.7;

/**
 * The newest position of each key, by the hashes of keys: 24 bytes a slot, where a `Map` of strings takes
 * five times as much. It grows by doubling, so that at most three quarters of `limitBytes` are in use
 * before it has grown to its full size, and never more than one and a half of that size meanwhile.
 */
export class KeyTable {
  readonly #maxSlots: number;
  #hashes: Uint32Array<ArrayBuffer>;
  /** Positions plus one; 0 is an empty slot. */
  #positions: Float64Array<ArrayBuffer>;
  #keys = 0;

  /** @param limitBytes what it takes at most when it doesn't grow */
  constructor(limitBytes: number) {
    this.#maxSlots = Math.max(16, 2 ** Math.floor(Math.log2(limitBytes / SLOT_BYTES)));
    const slots = Math.min(FIRST_SLOTS, this.#maxSlots);
    this.#hashes = new Uint32Array(slots * HASH_WORDS);
    this.#positions = new Float64Array(slots);
  }

  /** How many keys it knows. */
  get keys(): number {
    return this.#keys;
  }

  /** How many bytes it takes. */
  get sizeBytes(): number {
    return this.#positions.length * SLOT_BYTES;
  }

  /** Notes a position of a key, of which the newest counts; false where it knows no more keys. */
  add(hash: Uint32Array<ArrayBuffer>, position: number): boolean {
    let slot = this.#find(hash, 0);
    if (this.#positions[slot] === 0) {
      if (this.#keys >= MAX_LOAD * this.#positions.length) {
        if (this.#positions.length >= this.#maxSlots) return false;
        this.#grow();
        slot = this.#find(hash, 0);
      }
      this.#keys++;
      for (let i = 0; i < HASH_WORDS; i++) this.#hashes[slot * HASH_WORDS + i] = hash[i] ?? 0;
    }
    this.#positions[slot] = Math.max(this.#positions[slot] ?? 0, position + 1);
    return true;
  }

  /** A key's position; `undefined` where it doesn't know the key. */
  get(hash: Uint32Array<ArrayBuffer>): number | undefined {
    const found = this.#positions[this.#find(hash, 0)] ?? 0;
    return found === 0 ? undefined : found - 1;
  }

  /** The slot of a hash, or the empty one where it would go. */
  #find(hash: Uint32Array<ArrayBuffer>, at: number): number {
    const hashes = this.#hashes;
    const positions = this.#positions;
    const mask = positions.length - 1;
    for (let slot = (hash[at] ?? 0) & mask;; slot = (slot + 1) & mask) {
      if (positions[slot] === 0) return slot;
      const word = slot * HASH_WORDS;
      if (
        hashes[word] === hash[at] && hashes[word + 1] === hash[at + 1] &&
        hashes[word + 2] === hash[at + 2] && hashes[word + 3] === hash[at + 3]
      ) {
        return slot;
      }
    }
  }

  #grow(): void {
    const hashes = this.#hashes;
    const positions = this.#positions;
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#positions = new Float64Array(positions.length * 2);
    positions.forEach((position, from) => {
      if (position === 0) return;
      const slot = this.#find(hashes, from * HASH_WORDS);
      this.#positions[slot] = position;
      for (let i = 0; i < HASH_WORDS; i++) {
        this.#hashes[slot * HASH_WORDS + i] = hashes[from * HASH_WORDS + i] ?? 0;
      }
    });
  }
}
