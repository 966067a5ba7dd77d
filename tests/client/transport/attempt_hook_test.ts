import { deepStrictEqual as equal, ok } from "node:assert";
import { type Attempt, withAttemptHook } from "../../../src/client/transport/attempt_hook.ts";
import { Client } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { chunkResponse, untilSettled } from "../../support/client/reader_kit.ts";

type Reply = Response | Error;

/** A client that retries, what it tells of its attempts, and replies that take a second each. */
function kit(replies: Reply[], { retried = true } = {}) {
  const clock = new ManualClock();
  const told: Attempt[] = [];
  const fetch = async () => {
    const reply = replies.shift() ?? new Response(null, { status: 400 });
    await new Promise<void>((resolve) => clock.setTimer(1_000, resolve));
    if (reply instanceof Error) throw reply;
    return reply;
  };
  const hook = withAttemptHook((attempt) => told.push(attempt), { clock });
  const sending = hook(fetchTransport({ fetch, clock }));
  const transport = retried ? withRetry({ clock, random: () => 0.5 })(sending) : sending;
  const client = new Client("http://u:secret@localhost/v1/stream?token=secret", {
    transport,
    clock,
    random: () => 0.5,
  });
  const shown = () =>
    told.map(({ method, attempt, status, durationMs }) =>
      `${method} ${attempt} ${status} ${durationMs}`
    );
  return { client, told, shown, until: <T>(work: Promise<T>) => untilSettled(clock, work, 500) };
}

const failing = (status: number) => new Response(null, { status });

Deno.test("each attempt is reported: method, URL without secrets, number, status, time", async () => {
  const at = kit([failing(503), new TypeError("reset"), failing(204)]);
  await at.until(at.client.delete("s"));
  equal(at.shown(), ["DELETE 1 503 1000", "DELETE 2 undefined 1000", "DELETE 3 204 1000"]);
  equal(at.told.map(({ url }) => url)[0], "http://localhost/v1/stream/s?token=***");
  const error = at.told[1]?.error;
  ok(error instanceof ClientError && error.code === "network");
});

Deno.test("a reader's attempts are counted, and begin anew with the next answer", async () => {
  const at = kit([
    failing(503),
    failing(503),
    chunkResponse("[1]", { next: "1" }),
    failing(503),
    chunkResponse("[2]", { next: "2", closed: true }),
  ]);
  const reader = at.client.reader("s");
  await at.until(reader.read());
  await at.until(reader.read());
  equal(at.told.map(({ attempt }) => attempt), [1, 2, 3, 1, 2]);
});

Deno.test("a producer's attempts are counted, whoever repeats them", async () => {
  for (const retried of [true, false]) {
    const stored = new Response(null, { headers: { "stream-next-offset": "1" } });
    const at = kit([failing(503), stored], { retried });
    const producer = at.client.producer("s", { id: "p", contentType: "text/plain" });
    await producer.send("x");
    await at.until(producer.flush());
    equal(at.told.map(({ attempt }) => attempt), [1, 2]);
  }
});

Deno.test("the client's option hears of every attempt of its own retries", async () => {
  const { fetch } = globalThis;
  const told: number[] = [];
  try {
    let asked = 0;
    globalThis.fetch = () => Promise.resolve(failing(++asked < 2 ? 503 : 204));
    const client = new Client("http://localhost/v1/stream", {
      random: () => 0,
      onAttempt: ({ attempt }) => told.push(attempt),
    });
    await client.delete("s");
  } finally {
    globalThis.fetch = fetch;
  }
  equal(told, [1, 2]);
});

Deno.test("what a hook throws changes nothing", async () => {
  const thrown: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    thrown.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  try {
    const own = new Error("mine");
    const hook = withAttemptHook(() => {
      throw own;
    });
    const transport = hook(fetchTransport({ fetch: () => failing(204) }));
    await new Client("http://localhost/v1/stream", { transport }).delete("s");
    await new Promise((resolve) => setTimeout(resolve, 0));
    equal(thrown, [own]);
  } finally {
    globalThis.removeEventListener("error", onError);
  }
});
