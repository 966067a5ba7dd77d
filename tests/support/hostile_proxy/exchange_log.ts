import type { Fault } from "./fault.ts";

/** A request as it came to the proxy. */
export interface ProxyRequest {
  /** How many requests came before it. */
  readonly index: number;
  /** How many of the same method and path came before it. */
  readonly pathIndex: number;
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** How an exchange ended for the client. */
export type Outcome =
  /** With an answer that looked whole. */
  | "answered"
  /** With a reset connection, after none or a part of the answer. */
  | "reset"
  /** The client left before the end, or the proxy was closed. */
  | "left";

/** What a shared cache did. */
export type CacheUse = "hit" | "stale" | "collapsed" | "miss" | "bypass";

/** A request and what was done to it, as far as it has come. */
export interface Exchange extends ProxyRequest {
  /** Undefined until it was decided. */
  readonly fault: Fault | undefined;
  /** How often the server got the whole request. */
  readonly forwards: number;
  /** The status of each answer of the server. */
  readonly serverStatuses: readonly number[];
  /** The status that the client was sent; undefined where that was none. */
  readonly sentStatus: number | undefined;
  /** How many bytes of the body were sent to the client. */
  readonly sentBytes: number;
  readonly cacheUse: CacheUse | undefined;
  /** Undefined while it goes on. */
  readonly outcome: Outcome | undefined;
}

type Change = Partial<Omit<Exchange, keyof ProxyRequest>>;

/** One entry of the log while it is written. */
export class ExchangeRecord {
  readonly request: ProxyRequest;
  readonly #log: ExchangeLog;

  constructor(log: ExchangeLog, request: ProxyRequest) {
    this.#log = log;
    this.request = request;
  }

  /** How it stands. */
  get now(): Exchange {
    return this.#log.at(this.request.index);
  }

  /** Writes down what became of it. */
  change(change: Change): void {
    this.#log.replace({ ...this.now, ...change });
  }

  /** Writes down that the server got the request. */
  forwarded(): void {
    this.change({ forwards: this.now.forwards + 1 });
  }

  /** Writes down that the server answered. */
  serverResponded(status: number): void {
    this.change({ serverStatuses: [...this.now.serverStatuses, status] });
  }

  /** Writes down that so much more of the body went out. */
  sent(bytes: number): void {
    this.change({ sentBytes: this.now.sentBytes + bytes });
  }
}

interface Waiter {
  readonly test: (exchange: Exchange) => boolean;
  readonly resolve: (exchange: Exchange) => void;
  readonly reject: (error: Error) => void;
}

/** What came to a proxy and what it did, in the order in which the requests came. */
export class ExchangeLog {
  readonly #exchanges: Exchange[] = [];
  readonly #waiters = new Set<Waiter>();
  #isClosed = false;

  /** All of them, as they stand. */
  get exchanges(): readonly Exchange[] {
    return this.#exchanges;
  }

  /** One of them, as it stands. Throws where there is none of this index. */
  at(index: number): Exchange {
    const exchange = this.#exchanges[index];
    if (exchange === undefined) throw new Error(`There is no exchange ${index} in the log.`);
    return exchange;
  }

  /** Begins an entry. */
  add(request: Omit<ProxyRequest, "index" | "pathIndex">): ExchangeRecord {
    const { method, path } = request;
    const before = this.#exchanges.filter((one) => one.method === method && one.path === path);
    const numbered = { ...request, index: this.#exchanges.length, pathIndex: before.length };
    this.#exchanges.push({
      ...numbered,
      fault: undefined,
      forwards: 0,
      serverStatuses: [],
      sentStatus: undefined,
      sentBytes: 0,
      cacheUse: undefined,
      outcome: undefined,
    });
    this.replace(this.at(numbered.index));
    return new ExchangeRecord(this, numbered);
  }

  /** Writes down how one stands now, and tells those who wait for it. */
  replace(exchange: Exchange): void {
    this.#exchanges[exchange.index] = exchange;
    for (const waiter of this.#waiters) {
      if (!waiter.test(exchange)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(exchange);
    }
  }

  /** The first exchange that fits, as soon as there is one; rejects when the log is closed before. */
  until(test: (exchange: Exchange) => boolean): Promise<Exchange> {
    const found = this.#exchanges.find(test);
    if (found !== undefined) return Promise.resolve(found);
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => this.#waiters.add({ test, resolve, reject }));
  }

  /** Nothing will come any more. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiters) reject(closed());
    this.#waiters.clear();
  }
}

function closed(): Error {
  return new Error("The proxy was closed before an exchange came that fits.");
}
