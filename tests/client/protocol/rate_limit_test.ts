import { deepStrictEqual as equal, ok } from "node:assert";
import { AT_END, AT_TAIL, json, OtherServer, type Reply, reply } from "./other_server.ts";

/** How long the client took to ask again, in ms. */
async function waited(
  refusal: (nowMs: number) => Response,
  call: (server: OtherServer) => Promise<unknown>,
  answer: Reply,
): Promise<number> {
  const times: number[] = [];
  const server: OtherServer = new OtherServer([
    () => {
      times.push(server.clock.nowMs());
      return refusal(server.clock.nowMs());
    },
    (asked) => {
      times.push(server.clock.nowMs());
      return typeof answer === "function" ? answer(asked) : answer;
    },
  ]);
  await server.run(call(server), 100);
  return (times[1] ?? 0) - (times[0] ?? 0);
}

function refused(status: number, retryAfter?: string): Response {
  return new Response(null, {
    status,
    headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
  });
}

const CALLS: Record<string, [(server: OtherServer) => Promise<unknown>, () => Response]> = {
  "an append": [
    (server) => server.client.writer("s", { contentType: "text/plain" }).send("x"),
    () => reply(204, "a"),
  ],
  "a create": [(server) => server.client.create("s"), () => reply(201, "a")],
  "a HEAD": [(server) => server.client.head("s"), () => reply(200, "a")],
  "a read": [(server) => server.client.reader("s").read(), () => json("a", "[]", AT_END)],
  "a producer": [
    async (server) => {
      const producer = server.client.producer("s", { id: "p", contentType: "text/plain" });
      await producer.send("x");
      await producer.close();
    },
    () => reply(200, "a"),
  ],
};

for (const [what, [call, answer]] of Object.entries(CALLS)) {
  Deno.test(`PROTOCOL §12.5: 429 to ${what} is waited out`, async () => {
    await waited(() => refused(429), call, answer());
  });

  Deno.test(`PROTOCOL §12.5: ${what} waits as many seconds as Retry-After says`, async () => {
    const ms = await waited(() => refused(429, "7"), call, answer());
    ok(ms >= 7_000 && ms <= 7_200, `${ms} ms`);
  });

  Deno.test(`PROTOCOL §12.5: ${what} waits until the date that Retry-After names`, async () => {
    const ms = await waited(
      (nowMs) => refused(429, new Date(nowMs + 9_000).toUTCString()),
      call,
      answer(),
    );
    ok(ms >= 8_000 && ms <= 9_200, `${ms} ms`);
  });

  Deno.test(`PROTOCOL §12.5: a Retry-After that is none doesn't keep ${what} from going on`, async () => {
    for (const value of ["soon", "-5", "1.5", "", "Thu, 01 Jan 1970 00:00:00 GMT"]) {
      const ms = await waited(() => refused(429, value), call, answer());
      ok(ms <= 1_000, `${value}: ${ms} ms`);
    }
  });
}

Deno.test("PROTOCOL §12.5: 503 with Retry-After is honoured where a request may be repeated", async () => {
  const [call, answer] = CALLS["a HEAD"] ?? [];
  ok(call !== undefined && answer !== undefined);
  const ms = await waited(() => refused(503, "4"), call, answer());
  ok(ms >= 4_000 && ms <= 4_200, `${ms} ms`);
});

Deno.test("PROTOCOL §12.5: a Retry-After of much later fails at once, without a wait", async () => {
  const server = new OtherServer([refused(429, "86400")]);
  const startMs = server.clock.nowMs();
  const error = await server.failed(server.client.head("s"), "rate_limited");
  equal([error.retryAfterMs, server.clock.nowMs() - startMs], [86_400_000, 0]);
});

Deno.test("PROTOCOL §5.7: a live read that is rate limited continues from where it was", async () => {
  const server = new OtherServer([
    json("a", "[1]", { ...AT_TAIL, "stream-cursor": "3" }),
    refused(429, "1"),
    refused(429),
    json("b", "[2]", AT_END),
  ]);
  equal(await server.read(server.client.reader("s", { readMode: "long-poll" })), ["1", "2"]);
  equal(server.asked.slice(1).map(({ target }) => target), [
    "s?cursor=3&live=long-poll&offset=a",
    "s?cursor=3&live=long-poll&offset=a",
    "s?cursor=3&live=long-poll&offset=a",
  ]);
});
