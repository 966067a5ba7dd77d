import { deepEqual, equal, ok } from "node:assert/strict";
import { Fixture, JSON_TYPE, settle } from "../../support/fixture.ts";
import { LiveFeed } from "./live_kit.ts";

const CONNECTIONS = 1000;
const STREAMS = 100;
const STREAMS_EACH = 20;
/** So many connections come at once, beside an append to each stream. */
const AT_ONCE = 200;
const LAST = CONNECTIONS / AT_ONCE;

/** What a connection has seen of a stream: its first number, and the one that is to come next. */
interface Seen {
  readonly first: number;
  next: number;
}

/** One of the thousand, which follows every fifth stream. */
class Follower {
  readonly feed: LiveFeed;
  readonly #seen = new Map<string, Seen>();

  constructor(feed: LiveFeed) {
    this.feed = feed;
  }

  static async open(served: Fixture, i: number): Promise<Follower> {
    const offset = i % 2 === 0 ? "-1" : "now";
    const streams = Array.from({ length: STREAMS_EACH }, (_, k) => {
      return { stream: `s${(i + 5 * k) % STREAMS}`, offset };
    });
    return new Follower(await LiveFeed.post(served, { streams }));
  }

  /** Reads until the last number of each stream has come; each has to come once and in order. */
  async readToEnd(): Promise<void> {
    for (let done = 0; done < STREAMS_EACH;) {
      const events = await this.feed.chunk();
      ok(events.length > 0, "the connection has ended");
      for (const { type, head, payload } of events) {
        if (type !== "data") continue;
        const numbers: number[] = JSON.parse(payload);
        for (const number of numbers) {
          this.#note(head.stream, number);
          if (number === LAST) done++;
        }
      }
    }
  }

  #note(stream: string, number: number): void {
    const seen = this.#seen.get(stream) ?? { first: number, next: number };
    this.#seen.set(stream, seen);
    equal(number, seen.next++, `of ${stream}`);
  }

  /** The numbers that its streams began with. */
  firsts(): number[] {
    return [...new Set([...this.#seen.values()].map(({ first }) => first))];
  }
}

async function followed(served: Fixture): Promise<[readers: number, streams: number]> {
  const text = await (await served.app.request("/metrics")).text();
  const valueOf = (pattern: RegExp) => Number(pattern.exec(text)?.[1]);
  return [
    valueOf(/^durable_streams_live_readers\{kind="many"\} (\d+)$/m),
    valueOf(/^durable_streams_followed_streams (\d+)$/m),
  ];
}

Deno.test("a thousand connections with twenty streams each get every message once and in order, also while they come", async () => {
  const served = new Fixture({ metrics: "/metrics" });
  const append = (number: number) =>
    Promise.all(
      Array.from(
        { length: STREAMS },
        (_, i) => served.append(`s${i}`, JSON_TYPE, JSON.stringify([number])),
      ),
    );
  for (let i = 0; i < STREAMS; i++) await served.make(`s${i}`, JSON_TYPE, "[0]");
  const followers: Follower[] = [];
  for (let number = 1; number <= LAST; number++) {
    const from = followers.length;
    const opened = Array.from({ length: AT_ONCE }, (_, i) => Follower.open(served, from + i));
    // The last one comes once all are there.
    if (number < LAST) await append(number);
    followers.push(...await Promise.all(opened));
  }
  deepEqual(await followed(served), [CONNECTIONS, CONNECTIONS * STREAMS_EACH]);
  const read = followers.map((follower) => follower.readToEnd());
  await append(LAST);
  await Promise.all(read);
  for (const [i, follower] of followers.entries()) {
    if (i % 2 === 0) deepEqual(follower.firsts(), [0]);
  }
  await Promise.all(followers.map(({ feed }) => feed.cancel()));
  await settle();
  deepEqual(await followed(served), [0, 0]);
});
