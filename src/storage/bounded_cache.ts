/** Further duties of a {@link BoundedCache}; none where a function is left out. */
export interface BoundedCacheOptions<V> {
  /** Whether a value has to stay for now, however many there are. */
  isInUse?(value: V): boolean;
  /** Called for a value that goes, but for one that another takes the place of. */
  onEvict?(value: V): void;
}

/** Keeps a bounded number of values by their keys. Of too many, the one used longest ago goes first. */
export class BoundedCache<K, V> {
  readonly #limit: number;
  readonly #options: BoundedCacheOptions<V>;
  /** The value used last is the last one in the map's order. */
  readonly #values = new Map<K, V>();
  /** It is asked for again most often, and is in its place already. */
  #newestKey: K | undefined;
  #newest: V | undefined;

  constructor(limit: number, options: BoundedCacheOptions<V> = {}) {
    this.#limit = limit;
    this.#options = options;
  }

  /** How many values there are. */
  get size(): number {
    return this.#values.size;
  }

  /** The value of a key, which counts as used by that. */
  get(key: K): V | undefined {
    if (key === this.#newestKey) return this.#newest;
    const value = this.#values.get(key);
    if (value !== undefined) this.#putLast(key, value);
    return value;
  }

  /** Keeps a value, instead of the one that its key had, and evicts what is too many then. */
  set(key: K, value: V): void {
    this.#putLast(key, value);
    this.shrink();
  }

  /** Evicts the value of a key, even one that is in use. */
  delete(key: K): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#values.delete(key);
    if (key === this.#newestKey) this.#newestKey = this.#newest = undefined;
    this.#options.onEvict?.(value);
  }

  /** Evicts all values, even those in use. */
  clear(): void {
    for (const key of [...this.#values.keys()]) this.delete(key);
  }

  /** Evicts values that aren't in use until no more than `limit` are left, or no others. */
  shrink(limit = this.#limit): void {
    if (this.#values.size <= limit) return;
    for (const [key, value] of this.#values) {
      if (this.#values.size <= limit) return;
      if (this.#options.isInUse?.(value) !== true) this.delete(key);
    }
  }

  #putLast(key: K, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    this.#newestKey = key;
    this.#newest = value;
  }
}
