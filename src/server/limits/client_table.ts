/** What is kept of a client: its buckets, each as the time at which it is full again, and its readers. */
export class Client {
  requestsFullAtMs = 0;
  /** Bytes of its requests. */
  sentFullAtMs = 0;
  /** Bytes of the responses to its reads. */
  fetchedFullAtMs = 0;
  /** Rejections that it may get at once. */
  rejectionsFullAtMs = 0;
  /** Tokens of its address that may be no good. */
  failuresFullAtMs = 0;
  /** How many of its live readers are open. */
  readers = 0;
  /** How many of its requests take from a bucket only once they are answered. */
  uncounted = 0;
  /** Whether it isn't in the table, or not alone: who comes again has to be looked up again. */
  isDropped = false;

  /** Whether a new one would be the same. */
  isIdle(nowMs: number): boolean {
    return this.readers === 0 && this.uncounted === 0 && this.requestsFullAtMs <= nowMs &&
      this.sentFullAtMs <= nowMs &&
      this.fetchedFullAtMs <= nowMs && this.rejectionsFullAtMs <= nowMs &&
      this.failuresFullAtMs <= nowMs;
  }
}

/** So many are looked at for each that is added. */
const LOOKED_AT = 4;

/**
 * The clients that are known, a bounded number. With each new one some are looked at, in turn, and the idle
 * ones dropped; nobody loses a bucket that isn't full to others, however many these are. Where there is no
 * room, all that are new share one client.
 */
export class ClientTable {
  readonly #limit: number;
  readonly #clients = new Map<string, Client>();
  readonly #others = new Client();
  /** One that goes on: a new one would have to pass all that was deleted since the map was last packed. */
  #cursor = this.#clients.entries();

  constructor(limit: number) {
    this.#limit = limit;
    this.#others.isDropped = true;
  }

  /** How many are kept. */
  get size(): number {
    return this.#clients.size;
  }

  /** All of them, and the one that new ones share. */
  *all(): Generator<Client> {
    yield* this.#clients.values();
    yield this.#others;
  }

  /** The client of this key, as it was left or new. */
  of(key: string, nowMs: number): Client {
    return this.#clients.get(key) ?? this.#add(key, nowMs);
  }

  #add(key: string, nowMs: number): Client {
    for (let left = LOOKED_AT; left > 0; left--) this.#dropNextIfIdle(nowMs);
    if (this.#clients.size >= this.#limit) return this.#others;
    const client = new Client();
    this.#clients.set(key, client);
    return client;
  }

  #dropNextIfIdle(nowMs: number): void {
    let next = this.#cursor.next();
    if (next.done === true) {
      this.#cursor = this.#clients.entries();
      next = this.#cursor.next();
    }
    if (next.done === true) return;
    const [key, client] = next.value;
    if (!client.isIdle(nowMs)) return;
    this.#clients.delete(key);
    client.isDropped = true;
  }
}
