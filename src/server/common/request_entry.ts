/** A request and how it was answered. */
export interface RequestEntry {
  /** When it came, in milliseconds since 1970. */
  readonly atMs: number;
  /** As its response names it where it failed. */
  readonly id: string;
  /** Who asked: a token's subject, else an address; `undefined` where neither is known. */
  readonly client: string | undefined;
  readonly method: string;
  /** The URL's path, with those parameters that are no secrets. */
  readonly path: string;
  readonly status: number;
  /** Of the response's body, before it is framed. */
  readonly bytes: number;
  /** Until the response began; for SSE, until it ended. */
  readonly ms: number;
}

/** Where requests are told of; an observer may come and go while the server runs. */
export interface RequestLog {
  /** Called for each request as its response begins, for SSE once it has ended. It doesn't throw. */
  observer: ((entry: RequestEntry) => void) | undefined;
}
