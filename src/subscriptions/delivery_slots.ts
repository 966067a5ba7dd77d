/** What the deliveries to one endpoint take, and who waits for one of them to end. */
interface Endpoint {
  taken: number;
  /** In the order of their coming. */
  readonly waiting: Set<number>;
}

/**
 * The places for webhooks that are under way: so many in all, and of these only a part for one endpoint,
 * so that one that hangs slows nobody else. Whoever finds none waits, first come, first served at each
 * endpoint, and endpoints take turns.
 */
export class DeliverySlots {
  readonly #limit: number;
  readonly #perEndpoint: number;
  /** The endpoint of each who has a place. */
  readonly #holders = new Map<number, string>();
  readonly #endpoints = new Map<string, Endpoint>();
  /** Endpoints that wait only because all places are taken. */
  readonly #ready = new Set<string>();

  /**
   * @param limit how many there are
   * @param perEndpoint how many of them one endpoint may have
   */
  constructor(limit: number, perEndpoint: number) {
    this.#limit = limit;
    this.#perEndpoint = perEndpoint;
  }

  /** How many endpoints are known: those with somebody who has a place or waits for one. */
  get size(): number {
    return this.#endpoints.size;
  }

  /** Takes a place, unless this one has it already; where there is none, it waits. */
  take(id: number, endpoint: string): boolean {
    if (this.#holders.has(id)) return true;
    let found = this.#endpoints.get(endpoint);
    if (found === undefined) {
      found = { taken: 0, waiting: new Set() };
      this.#endpoints.set(endpoint, found);
    }
    const isFull = this.#holders.size >= this.#limit;
    if (isFull || found.taken >= this.#perEndpoint) {
      found.waiting.add(id);
      if (found.taken < this.#perEndpoint) this.#ready.add(endpoint);
      return false;
    }
    this.#give(id, endpoint, found);
    return true;
  }

  /** Gives a place back, if this one has any; whoever gets it has it from now on. */
  free(id: number): number | undefined {
    const endpoint = this.#holders.get(id);
    const found = endpoint === undefined ? undefined : this.#endpoints.get(endpoint);
    if (endpoint === undefined || found === undefined) return undefined;
    this.#holders.delete(id);
    found.taken--;
    if (found.waiting.size > 0) this.#ready.add(endpoint);
    else if (found.taken === 0) this.#endpoints.delete(endpoint);
    return this.#giveNext();
  }

  #giveNext(): number | undefined {
    const [endpoint] = this.#ready;
    const found = endpoint === undefined ? undefined : this.#endpoints.get(endpoint);
    const [id] = found?.waiting ?? [];
    if (endpoint === undefined || found === undefined || id === undefined) return undefined;
    this.#ready.delete(endpoint);
    this.#give(id, endpoint, found);
    // Behind those of other endpoints.
    if (found.waiting.size > 0 && found.taken < this.#perEndpoint) this.#ready.add(endpoint);
    return id;
  }

  #give(id: number, endpoint: string, found: Endpoint): void {
    found.waiting.delete(id);
    found.taken++;
    this.#holders.set(id, endpoint);
  }
}
