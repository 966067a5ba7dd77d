import { deepStrictEqual as equal, ok } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import { systemClock } from "../../../src/env/clock.ts";
import { withRetry } from "../../../src/client/transport/retry.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { atSite } from "./hostile_kit.ts";

Deno.test("times without an end don't end at once", async () => {
  const client = { timeoutMs: Infinity, liveTimeoutMs: Infinity };
  await atSite({ client }, async ({ client, direct }) => {
    await client.create("s", { contentType: "application/json", initialData: "[1]" });
    const seen: unknown[] = [];
    const reading = ["sse", "long-poll", "auto"] as const;
    const all = reading.map(async (readMode) => {
      for await (const value of client.reader("s", { readMode }).json()) seen.push(value);
    });
    await direct.writer("s").sendJson(1, { close: true });
    await Promise.all(all);
    equal(seen, [1, 1, 1, 1, 1, 1]);
  });
});

Deno.test("a server that asks to come back in a month isn't asked again at once", async () => {
  let requests = 0;
  const stop = new AbortController();
  const fetch = () => {
    if (++requests === 3) stop.abort(new Error("it was asked again and again"));
    return new Response(null, { status: 503, headers: { "retry-after": String(30 * 86_400) } });
  };
  const maxElapsedMs = Infinity;
  const client = new Client("http://localhost/v1/stream", {
    transport: withRetry({ maxElapsedMs })(fetchTransport({ fetch })),
  });
  const { signal } = stop;
  const calls = [
    client.head("s", { signal }),
    client.reader("s", { signal, maxElapsedMs }).read(),
  ];
  const done = Promise.allSettled(calls);
  // Both have been refused once; a timer that fires at once would have them ask again by now.
  await new Promise((resolve) => setTimeout(resolve, 20));
  equal(requests, calls.length);
  ok(!signal.aborted);
  stop.abort(new Error("enough"));
  await done;
});

Deno.test("the longest timer of the machine waits", async () => {
  const fired: number[] = [];
  const ends = [2 ** 31 - 1, 2 ** 31, Infinity].map((ms) =>
    systemClock.setTimer(ms, () => fired.push(ms))
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (const end of ends) end();
  equal(fired, []);
});
