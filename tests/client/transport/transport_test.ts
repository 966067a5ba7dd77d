import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import { fetchTransport, type TransportRequest } from "../../../src/client/transport/transport.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { isPending } from "../../support/fixture.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { failed } from "../../support/client/producer_fixture.ts";
import { scripted } from "../../support/client/scripted_fetch.ts";

function request(parts: Partial<TransportRequest> = {}): TransportRequest {
  return {
    method: "GET",
    url: "http://localhost/v1/stream/s",
    headers: {},
    body: undefined,
    signal: undefined,
    timeoutMs: 1_000,
    streaming: false,
    repeatable: true,
    ...parts,
  };
}

/** A `fetch` that never answers and doesn't listen to its signal. */
const deaf = () => new Promise<Response>(() => {});

Deno.test("a response comes whole, whatever its status", async () => {
  const { transport, requests } = scripted({ status: 404, text: "no", headers: { "x-a": "1" } });
  const body = encodeUtf8("data");
  const answer = await transport(request({ method: "POST", headers: { "x-b": "2" }, body }));
  equal([answer.status, answer.headers.get("x-a"), answer.stream], [404, "1", undefined]);
  equal(answer.body, encodeUtf8("no"));
  equal(requests[0]?.headers, { "x-b": "2" });
  equal(requests[0]?.init.body, body);
});

Deno.test("no response is a ClientError network with its cause", async () => {
  const cause = new TypeError("connection refused");
  const { transport } = scripted(cause);
  const error = await failed(transport(request()), "network", /GET http.* connection refused/);
  equal(error.cause, cause);
});

Deno.test("no response in time is a ClientError timeout, also of a fetch that doesn't listen", async () => {
  const clock = new ManualClock();
  const sent = fetchTransport({ fetch: deaf, clock })(request());
  const rejected = failed(sent, "timeout", /within 1000 ms/);
  clock.advance(999);
  ok(await isPending(sent));
  clock.advance(1);
  await rejected;
});

Deno.test("the time counts for the body too", async () => {
  const clock = new ManualClock();
  const fetch = () => new Response(new ReadableStream());
  const sent = fetchTransport({ fetch, clock })(request());
  const rejected = failed(sent, "timeout");
  ok(await isPending(sent));
  clock.advance(1_000);
  await rejected;
});

Deno.test("an abort rejects with its reason and leaves no timer", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const { signal } = controller;
  const sent = fetchTransport({ fetch: deaf, clock })(request({ signal }));
  const rejected = rejects(sent, (reason) => reason === "enough");
  controller.abort("enough");
  await rejected;
  equal(clock.pendingTimers, 0);
  const again = fetchTransport({ fetch: deaf, clock })(request({ signal }));
  await rejects(again, (reason) => reason === "enough");
});

Deno.test("a streaming answer comes as it is sent, and outlives the time for a response", async () => {
  const clock = new ManualClock();
  let push = (_text: string) => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      push = (text) => controller.enqueue(encodeUtf8(text));
    },
  });
  const transport = fetchTransport({ fetch: () => new Response(body), clock });
  const { stream } = await transport(request({ streaming: true }));
  ok(stream !== undefined);
  equal(clock.pendingTimers, 0);
  const reader = stream.getReader();
  push("a");
  equal((await reader.read()).value, encodeUtf8("a"));
  clock.advance(1e9);
  push("b");
  equal((await reader.read()).value, encodeUtf8("b"));
  await reader.cancel();
});

Deno.test("a streaming request that is rejected has its answer whole", async () => {
  const { transport } = scripted({ status: 400, text: "no" });
  const answer = await transport(request({ streaming: true }));
  equal([answer.body, answer.stream], [encodeUtf8("no"), undefined]);
});

for (const status of [301, 302, 303, 307]) {
  Deno.test(`an append that is answered ${status} is never treated as stored`, async () => {
    const methods: string[] = [];
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      methods.push(request.method);
      return new URL(request.url).pathname.startsWith("/old")
        ? new Response(null, { status, headers: { location: "/new" } })
        : new Response(null, { headers: { "stream-next-offset": "7" } });
    });
    try {
      const client = new Client(`http://127.0.0.1:${server.addr.port}/old`);
      const writer = client.writer("s", { contentType: "text/plain" });
      await failed(writer.send("a"), "invalid_response");
      equal(methods, ["POST"]);
      equal((await client.head("s")).nextOffset, "7");
    } finally {
      await server.shutdown();
    }
  });
}
