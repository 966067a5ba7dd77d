import { deepEqual, ok } from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { DurableStream, IdempotentProducer, stream } from "@durable-streams/client";
import { CompatServer } from "../compat_server.ts";
import { COMPAT_TARGETS, compatTest } from "../targets.ts";

/**
 * The server is killed and started again on its directory and port, under the official client: a
 * producer that asks again, and readers that resume at the offset of their last batch.
 */

const COUNT = 400;
const NUMBERS = Array.from({ length: COUNT }, (_, n) => n);
/** The kills come when every reader has seen so much: in the middle of what is written. */
const KILL_AT = [80, 160, 240];
const RETRY_MS = 5;
/** More than the kills can cause. */
const MAX_SESSIONS = 50;
/** All of it takes two seconds; what doesn't end says how far it came, and its server is ended. */
const LIMIT_MS = 45_000;
/** Asks again where nobody answered, or a server that starts, until the test ends: its producer doesn't. */
function patient(signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    for (;;) {
      try {
        const response = await fetch(input, init);
        if (response.status !== 503) return response;
        await response.body?.cancel();
      } catch (error) {
        if (signal.aborted) throw error;
      }
      await delay(RETRY_MS);
    }
  };
}

/** A reader as an application writes it: it keeps the offset beside what it has done. */
class Follower {
  readonly seen: unknown[] = [];
  sessions = 0;
  readonly #url: string;
  readonly #live: "sse" | "long-poll";
  readonly #signal: AbortSignal;
  #offset = "-1";
  #closed = false;
  #onChange = () => {};

  constructor(url: string, live: "sse" | "long-poll", signal: AbortSignal) {
    this.#url = url;
    this.#live = live;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    while (!this.#closed) {
      ok(++this.sessions <= MAX_SESSIONS, `${this.#live}: too many sessions`);
      try {
        await this.#session();
      } catch (error) {
        // The connection broke under the session, and the next one resumes.
        if (this.#signal.aborted) throw error;
      }
    }
  }

  async reaches(count: number): Promise<void> {
    while (this.seen.length < count) {
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
  }

  async #session(): Promise<void> {
    const answer = await stream({
      url: this.#url,
      live: this.#live,
      offset: this.#offset,
      signal: this.#signal,
      fetch: patient(this.#signal),
    });
    answer.subscribeJson(
      (batch: { items: readonly unknown[]; offset: string; streamClosed: boolean }) => {
        this.seen.push(...batch.items);
        this.#offset = batch.offset;
        this.#closed = batch.streamClosed;
        this.#onChange();
      },
    );
    await answer.closed;
  }
}

for (const target of COMPAT_TARGETS) {
  compatTest(
    target,
    "kills under a producer and readers lose nothing and double nothing",
    async () => {
      await using server = await CompatServer.start(await target.command());
      const ending = new AbortController();
      const { signal } = ending;
      const failed = Promise.withResolvers<never>();
      const handle = await DurableStream.create({
        url: server.streamUrl(),
        contentType: "application/json",
        fetch: patient(signal),
      });
      const followers = [
        new Follower(handle.url, "sse", signal),
        new Follower(handle.url, "long-poll", signal),
      ];
      const producer = new IdempotentProducer(handle, "p", {
        maxBatchBytes: 8,
        fetch: patient(signal),
        onError: (error: Error) => failed.reject(error),
      });
      const write = async () => {
        for (const n of NUMBERS) {
          producer.append(String(n));
          if (n % 10 === 0) await producer.flush();
        }
        await producer.close();
      };
      const kill = async () => {
        for (const count of KILL_AT) {
          await Promise.all(followers.map((follower) => follower.reaches(count)));
          await server.kill();
          await server.start();
        }
      };
      const timer = setTimeout(() => {
        const seen = followers.map(({ seen, sessions }) =>
          `${seen.length} in ${sessions} sessions`
        );
        const unsent = producer.pendingCount + producer.inFlightCount;
        failed.reject(new Error(`Not done in time: read ${seen.join(", ")}; ${unsent} unsent`));
      }, LIMIT_MS);
      try {
        const reading = followers.map((follower) => follower.run());
        await Promise.race([Promise.all([write(), kill(), ...reading]), failed.promise]);
      } finally {
        clearTimeout(timer);
        ending.abort();
      }
      for (const { seen } of followers) deepEqual(seen, NUMBERS);
      const answer = await stream({ url: handle.url, live: false });
      deepEqual(await answer.json(), NUMBERS);
    },
  );
}
