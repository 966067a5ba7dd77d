import { Histogram } from "../generator/histogram.ts";

/** How appends went. */
export interface AppendFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const STREAMS = 16;
const BODY = new Uint8Array(256).fill(120);
const HEADERS = { "content-type": "application/octet-stream" };

/** Clients that append to streams of their own at a steady rate, for as long as they are let. */
export class AppendLoad {
  readonly #url: string;
  readonly #clients: readonly Promise<void>[];
  #histogram = new Histogram();
  #maxMs = 0;
  #sinceMs = performance.now();
  #isOver = false;

  private constructor(url: string, perSecond: number, clients: number) {
    this.#url = url;
    const everyMs = clients * 1000 / perSecond;
    this.#clients = Array.from({ length: clients }, (_, n) => this.#append(n, everyMs));
  }

  /** Makes the streams and begins. */
  static async start(url: string, perSecond: number, clients: number): Promise<AppendLoad> {
    for (let n = 0; n < STREAMS; n++) {
      const answer = await fetch(`${url}/load/${n}`, { method: "PUT", headers: HEADERS });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`PUT load/${n}: ${answer.status}`);
    }
    return new AppendLoad(url, perSecond, clients);
  }

  /** Those since the start, or since this was last called. */
  take(): AppendFigures {
    const seconds = (performance.now() - this.#sinceMs) / 1000;
    const histogram = this.#histogram;
    const figures = {
      perSecond: histogram.count / seconds,
      p50Ms: histogram.quantileMillis(0.5) ?? NaN,
      p99Ms: histogram.quantileMillis(0.99) ?? NaN,
      maxMs: this.#maxMs,
    };
    this.#histogram = new Histogram();
    this.#maxMs = 0;
    this.#sinceMs = performance.now();
    return figures;
  }

  /** Waits for what is under way, and ends. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #append(client: number, everyMs: number): Promise<void> {
    const startMs = performance.now() + client * everyMs / 8;
    for (let n = 0; !this.#isOver; n++) {
      // Timed from when it was due: a pause of the server is seen by all that came in it.
      const dueMs = startMs + n * everyMs;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const stream = (client + n) % STREAMS;
      const answer = await fetch(`${this.#url}/load/${stream}`, {
        method: "POST",
        headers: HEADERS,
        body: BODY,
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`POST load/${stream}: ${answer.status}`);
      // A timer may come a little early.
      const tookMs = Math.max(0, performance.now() - dueMs);
      this.#histogram.record(tookMs * 1e6);
      this.#maxMs = Math.max(this.#maxMs, tookMs);
    }
  }
}
