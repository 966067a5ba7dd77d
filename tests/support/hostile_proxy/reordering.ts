import type { ProxyRequest } from "./exchange_log.ts";

interface Held {
  readonly index: number;
  readonly key: string;
  readonly release: () => void;
}

/** Holds requests until later ones of the same method and path have overtaken them. */
export class Reordering {
  readonly #held = new Set<Held>();

  /**
   * Waits until a later request was answered, or until `limit` resolves. It doesn't wait where an
   * earlier request is held for this one.
   */
  async hold(request: ProxyRequest, limit: (until: AbortSignal) => Promise<void>): Promise<void> {
    const key = keyOf(request);
    if ([...this.#held].some((one) => one.key === key)) return;
    const overtaken = Promise.withResolvers<void>();
    const held: Held = { index: request.index, key, release: () => overtaken.resolve() };
    this.#held.add(held);
    const done = new AbortController();
    try {
      await Promise.race([overtaken.promise, limit(done.signal)]);
    } finally {
      this.#held.delete(held);
      done.abort();
    }
  }

  /** The server has answered this request: those that it overtook go on. */
  responded(request: ProxyRequest): void {
    const key = keyOf(request);
    for (const one of this.#held) {
      if (one.key === key && one.index < request.index) one.release();
    }
  }
}

function keyOf({ method, path }: ProxyRequest): string {
  return `${method} ${path}`;
}
