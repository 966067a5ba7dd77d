import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../src/listen/free_port.ts";
import { GuardedClient } from "../support/guard.ts";
import { until } from "../support/until.ts";

const HOST = "127.0.0.1";
/** Below those that systems give to clients, one of which could connect to itself while nobody listens. */
const PORTS = { first: 20_000, count: 10_000 };
/** Between two requests, and between two looks whether somebody listens. */
const PAUSE_MS = 5;
const LOOK_MS = 1;
const MADE_UP = `Bearer ds_${"A".repeat(43)}`;

/** A port that a stranger can know before a server says that it listens there. */
export async function strangersPort(): Promise<number> {
  while (true) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    try {
      return await freePort({ host: HOST, port });
    } catch {
      // Somebody listens there.
    }
  }
}

/**
 * Reads, writes and deletes streams without a token or with a made-up one, over and over, whether the server
 * is up or not, each time over a connection of its own.
 */
export class Stranger {
  /** How often it was answered 401. */
  refused = 0;
  /** All other answers. */
  readonly others: string[] = [];
  readonly #url: string;
  readonly #streams: readonly string[];
  readonly #client = new GuardedClient({ isKept: false });
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(port: number, streams: readonly string[]) {
    this.#url = `https://${HOST}:${port}/v1/stream`;
    this.#streams = streams;
    this.#running = this.#run();
  }

  /** Waits for one more refusal of a server that has started. */
  async wasRefusedAnew(): Promise<void> {
    const { refused } = this;
    const isAnswered = () => this.refused > refused || this.others.length > 0;
    await until(isAnswered, () => "a stranger is answered");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#client[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const isAnswered = await this.#ask(i);
      await sleep(isAnswered ? PAUSE_MS : LOOK_MS);
    }
  }

  /** Whether anybody answered. */
  async #ask(i: number): Promise<boolean> {
    const stream = this.#streams[i % this.#streams.length] ?? "";
    const body = JSON.stringify({ writer: "a stranger", n: i });
    const [method, init] = ([
      ["GET", {}],
      ["POST", { body }],
      ["DELETE", {}],
      ["PUT", { body }],
    ] as const)[i % 4] ?? ["GET", {}];
    const token = i % 3 === 0 ? { authorization: MADE_UP } : {};
    const headers = { "content-type": "application/json", ...token };
    try {
      const answer = await this.#client.fetch(`${this.#url}/${stream}`, {
        ...init,
        method,
        headers,
      });
      await answer.body?.cancel();
      if (answer.status === 401) this.refused++;
      else this.others.push(`${method} ${stream}: ${answer.status}`);
      return true;
    } catch {
      return false;
    }
  }
}
