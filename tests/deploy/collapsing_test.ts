import { deepEqual, equal, ok } from "node:assert/strict";
import { until } from "../support/until.ts";
import { testWith } from "../support/installed.ts";
import { countingApp } from "./origin.ts";
import { nginx, type Proxy, varnish } from "./proxy.ts";

/** A thousand who read one stream live, by long-poll and its cursor, cost the server a few requests an interval. */

const READERS = 1_000;
const WORDS = ["one ", "two ", "three ", "four "];
/** What an interval may cost: a request or two for each answer, and some for those who come late. */
const HANDFUL = 10;

class Reader {
  text = "";
  empty = 0;
  offset: string;
  #cursor = "";
  readonly #proxy: Proxy;

  constructor(proxy: Proxy, offset: string) {
    this.#proxy = proxy;
    this.offset = offset;
  }

  /** Reads until the stream is closed. */
  async run(): Promise<void> {
    for (let isClosed = false; !isClosed;) {
      const query = `${this.#cursor}live=long-poll&offset=${this.offset}`;
      const answer = await ask(this.#proxy, query);
      const { headers } = answer;
      ok(answer.ok, String(answer.status));
      this.text += await answer.text();
      if (answer.status === 204) this.empty++;
      this.offset = headers.get("stream-next-offset") ?? "";
      this.#cursor = `cursor=${headers.get("stream-cursor")}&`;
      isClosed = headers.get("stream-closed") === "true";
    }
  }
}

function ask(proxy: Proxy, query: string): Promise<Response> {
  return fetch(`${proxy.origin}/v1/stream/s?${query}`, { client: proxy.client });
}

/** nginx lets others follow after 5 s unless it is told to wait. */
const WAITS_MS = [[nginx, 6_000], [varnish, 2_000]] as const;

for (const [kind, longPollTimeoutMs] of WAITS_MS) {
  testWith(
    kind.needs,
    `a thousand live readers through ${kind.name} cost a handful of requests`,
    async () => {
      await using origin = countingApp({ longPollTimeoutMs });
      await using proxy = await kind.start(origin.upstream);
      const stream = `${origin.url}/v1/stream/s`;
      const write = async (method: string, init: RequestInit) => {
        const answer = await fetch(stream, { method, ...init });
        await answer.body?.cancel();
        return answer.headers.get("stream-next-offset") ?? "";
      };
      const headers = { "content-type": "text/plain" };
      const offset = await write("PUT", { headers });
      // So that their connections are there before they read live.
      await Promise.all(
        Array.from({ length: READERS }, async () => await (await ask(proxy, "offset=-1")).text()),
      );
      const readers = Array.from({ length: READERS }, () => new Reader(proxy, offset));
      const polls = () => origin.requests.filter(({ url }) => url.includes("live=")).length;
      const ended = Promise.all(readers.map((reader) => reader.run()));

      const costs: number[] = [];
      /** Waits until all have got on, and notes what that cost. */
      const interval = async (isDone: (reader: Reader) => boolean) => {
        const before = polls();
        const left = () => readers.filter((reader) => !isDone(reader)).length;
        await until(() => left() === 0, () => `${left()} readers are behind`);
        costs.push(polls() - before);
      };
      let written = "";
      for (const word of WORDS) {
        await write("POST", { headers, body: word });
        written += word;
        await interval(({ text }) => text === written);
      }
      // Nothing comes for as long as a long-poll lasts.
      const empties = new Map(readers.map((reader) => [reader, reader.empty]));
      await interval((reader) => reader.empty > (empties.get(reader) ?? 0));
      await write("POST", { headers: { "stream-closed": "true" } });
      await ended;

      console.log(`${kind.name}: requests an interval ${costs.join(", ")}; ${polls()} in all`);
      ok(costs.every((cost) => cost <= HANDFUL), `requests an interval: ${costs.join(", ")}`);
      ok(polls() <= HANDFUL * (WORDS.length + 2), `${polls()} requests in all`);
      deepEqual([...new Set(readers.map(({ text }) => text))], [written]);
      equal(readers.every(({ empty }) => empty > 0), true);
    },
  );
}
