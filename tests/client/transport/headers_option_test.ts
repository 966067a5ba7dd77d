import { deepStrictEqual as equal, rejects } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import type { HeadersOption } from "../../../src/client/transport/headers_option.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { scripted } from "../../support/client/scripted_fetch.ts";

function client(headers: HeadersOption, ...statuses: number[]) {
  const { requests, transport } = scripted(
    ...statuses.map((status) => ({ status, headers: { "stream-next-offset": "1" } })),
  );
  return { requests, client: new Client("http://localhost/v1/stream", { headers, transport }) };
}

Deno.test("headers go with every request, fixed or asked for", async () => {
  let token = 0;
  const made = client(
    { "X-Fixed": "a", Authorization: () => Promise.resolve(`t${++token}`) },
    200,
    200,
  );
  await made.client.head("s");
  await made.client.head("s");
  equal(made.requests.map(({ headers }) => headers), [
    { "x-fixed": "a", authorization: "t1" },
    { "x-fixed": "a", authorization: "t2" },
  ]);
});

Deno.test("one function may give them all", async () => {
  const made = client(() => ({ Authorization: "t" }), 200);
  await made.client.head("s");
  equal(made.requests[0]?.headers, { authorization: "t" });
});

Deno.test("what the protocol sets wins, whatever the case", async () => {
  const made = client({ "Stream-Closed": "false", "CONTENT-TYPE": "text/html" }, 204);
  await made.client.writer("s", { contentType: "text/plain" }).send("a", { close: true });
  equal(made.requests[0]?.headers, { "stream-closed": "true", "content-type": "text/plain" });
});

Deno.test("the default transport asks for them at every attempt", async () => {
  const clock = new ManualClock();
  const { requests, fetch } = scripted({ status: 503 }, { status: 204 });
  let token = 0;
  const original = globalThis.fetch;
  globalThis.fetch = (input, init) => Promise.resolve(fetch(String(input), init ?? {}));
  try {
    const made = new Client("http://localhost/v1/stream", {
      headers: { authorization: () => `t${++token}` },
      clock,
      random: () => 0,
    });
    const deleted = made.delete("s");
    while (requests.length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      clock.advance(1);
    }
    await deleted;
  } finally {
    globalThis.fetch = original;
  }
  equal(requests.map(({ headers }) => headers["authorization"]), ["t1", "t2"]);
});

Deno.test("what the function throws ends the call with it", async () => {
  const own = new Error("no token");
  const made = client(() => Promise.reject(own), 200);
  await rejects(made.client.head("s"), (error) => error === own);
  equal(made.requests, []);
});
