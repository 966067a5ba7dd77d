import { deepStrictEqual as equal, ok } from "node:assert";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { Client } from "../../../src/client/client.ts";
import { Fixture, settle } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const PATH = "log";
const TURNS = 12;

/** A call, and what has to be there for it. */
type Call = (client: Client, signal: AbortSignal) => Promise<unknown>;

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** Calls that take a signal. Those that follow a stream would never end by themselves. */
const CALLS: Readonly<Record<string, Call>> = {
  create: (client, signal) => client.create("new", { signal }),
  fork: (client, signal) => client.fork(PATH, "fork", { signal }),
  head: (client, signal) => client.head(PATH, { signal }),
  close: (client, signal) => client.close(PATH, { signal }),
  delete: (client, signal) => client.delete(PATH, { signal }),
  list: (client, signal) => drain(client.list({ signal, pageSize: 1 })),
  "writer.send": (client, signal) => client.writer(PATH).send("[4]", { signal }),
  "writer.close": (client, signal) => client.writer(PATH).close({ signal }),
  "a loop, auto": (client, signal) => drain(client.reader(PATH, { signal })),
  "a loop, sse": (client, signal) => drain(client.reader(PATH, { signal, readMode: "sse" })),
  "a loop, long-poll": (client, signal) =>
    drain(client.reader(PATH, { signal, readMode: "long-poll" })),
  "a stream": (client, signal) => drain(client.reader(PATH, { signal }).stream()),
  "reader.read": async (client, signal) => {
    await using reader = client.reader(PATH);
    while (!reader.closed) await reader.read({ signal });
  },
  "reader.seekToTail": async (client, signal) => {
    await using reader = client.reader(PATH);
    await reader.seekToTail({ signal });
  },
  "producer.send, its signal": async (client, signal) => {
    const producer = client.producer(PATH, { id: "p", signal });
    for (let i = 0; i < 5; i++) await (await producer.sendJson(i)).stored;
    await producer.close();
  },
  "producer.closeStream, its signal": async (client, signal) => {
    const producer = client.producer(PATH, { id: "p", signal, maxBatchMessages: 1 });
    for (let i = 0; i < 5; i++) await producer.sendJson(i);
    await producer.closeStream();
  },
};

class CountingSignal {
  readonly controller = new AbortController();
  readonly #listeners = new Map<unknown, number>();

  constructor() {
    const { signal } = this.controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...[type, listener, options]: Parameters<typeof add>) => {
      this.#listeners.set(listener, 1);
      add(type, listener, options);
    };
    signal.removeEventListener = (...[type, listener, options]: Parameters<typeof remove>) => {
      this.#listeners.delete(listener);
      remove(type, listener, options);
    };
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

/** The app, and a client whose every body that it was given is watched. */
async function site() {
  const server = new Fixture({ listing: true });
  const clock = new ManualClock();
  let open = 0;
  const fetch = async (url: string, init: RequestInit) => {
    const { body, status, headers } = await server.app.request(url, init);
    const head = { status, headers };
    if (body === null) return new Response(null, head);
    open++;
    const reader = body.getReader();
    let isOpen = true;
    const close = () => {
      if (isOpen) open--;
      isOpen = false;
    };
    const watched = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        close();
        controller.close();
      },
      async cancel(reason) {
        close();
        await reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
    return new Response(watched, head);
  };
  const client = new Client("http://localhost/v1/stream", {
    clock,
    random: () => 0.5,
    transport: withRetry({ clock })(fetchTransport({ fetch, clock })),
  });
  await client.create(PATH, { contentType: "application/json", initialData: "[1,2,3]" });
  return { client, clock, bodies: () => open };
}

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`${name}: an abort at any time rejects with its reason, and leaves nothing behind`, async () => {
    let aborted = 0;
    for (let turns = 0; turns < TURNS; turns++) {
      const { client, clock, bodies } = await site();
      const signal = new CountingSignal();
      const reason = new Error(`aborted after ${turns} turns`);
      const called = call(client, signal.controller.signal)
        .then(() => undefined, (error: unknown) => error);
      for (let turn = 0; turn < turns; turn++) await settle();
      signal.controller.abort(reason);
      const outcome = await called;
      if (outcome !== undefined) {
        equal(outcome, reason);
        aborted++;
      }
      await settle();
      equal(
        { timers: clock.pendingTimers, bodies: bodies() },
        { timers: 0, bodies: 0 },
        `after ${turns} turns`,
      );
    }
    ok(aborted > 0, "it was aborted at least once");
  });

  Deno.test(`${name}: a signal that is aborted before is heeded, and nothing is sent`, async () => {
    let sent = 0;
    const fetch = () => {
      sent++;
      return new Response(null, { status: 400 });
    };
    const client = new Client("http://localhost/v1/stream", {
      transport: withRetry()(fetchTransport({ fetch })),
    });
    const reason = new Error("before");
    const outcome = await call(client, AbortSignal.abort(reason)).catch((error: unknown) => error);
    equal([outcome, sent], [reason, 0]);
  });
}

Deno.test("calls that end by themselves leave no listener on a signal that lives on", async () => {
  const { client } = await site();
  const signal = new CountingSignal();
  const use = signal.controller.signal;
  await client.head(PATH, { signal: use });
  await client.create("other", { signal: use });
  await drain(client.list({ signal: use }));
  await client.writer(PATH).send("[4]", { signal: use });
  await client.writer(PATH).close({ signal: use });
  for (const readMode of ["auto", "sse", "long-poll", "catch-up"] as const) {
    await drain(client.reader(PATH, { signal: use, readMode }));
    await drain(client.reader(PATH, { signal: use, readMode }).stream());
    const reader = client.reader(PATH, { readMode });
    while (!reader.closed) await reader.read({ signal: use });
    await reader.seekToTail({ signal: use });
  }
  await client.create("third", { contentType: "text/plain" });
  const producer = client.producer("third", { id: "p", signal: use });
  await producer.send("x", { signal: use });
  await producer.flush({ signal: use });
  await producer.closeStream({ signal: use });
  await client.delete("other", { signal: use });
  equal(signal.listeners, 0);
});

Deno.test("a read that is aborted at any time loses nothing: the next one continues", async () => {
  for (const readMode of ["auto", "sse", "long-poll"] as const) {
    for (let turns = 0; turns < TURNS; turns++) {
      const { client, clock } = await site();
      const reader = client.reader(PATH, { readMode });
      const seen: unknown[] = [];
      const read = async (signal?: AbortSignal) => {
        const { messages } = await reader.read(signal === undefined ? {} : { signal });
        seen.push(...messages.map((message) => message.json()));
      };
      const writer = client.writer(PATH, { contentType: "application/json" });
      for (let i = 4; i < 8; i++) {
        const controller = new AbortController();
        const reading = read(controller.signal).catch(() => {});
        for (let turn = 0; turn < turns; turn++) await settle();
        await writer.sendJson(i);
        controller.abort(new Error("enough"));
        await reading;
      }
      await writer.close();
      while (!reader.closed) await read();
      equal(seen, [1, 2, 3, 4, 5, 6, 7], `${readMode}, ${turns} turns`);
      await settle();
      equal(clock.pendingTimers, 0);
    }
  }
});
