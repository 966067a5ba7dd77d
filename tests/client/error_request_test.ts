import { deepStrictEqual as equal, ok } from "node:assert";
import { inspect } from "node:util";
import { Client } from "../../src/client/client.ts";
import type { ClientError } from "../../src/client/errors/client_error.ts";
import { withRetry } from "../../src/client/transport/retry.ts";
import { fetchTransport } from "../../src/client/transport/transport.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { failed } from "../support/client/producer_fixture.ts";
import { scripted, type ScriptedResponse } from "../support/client/scripted_fetch.ts";

const BASE = "http://ada:pass%20word@localhost/v1/stream?token=secret";
const WRITER = { contentType: "text/plain" };

function clientOf(...answers: ScriptedResponse[]) {
  const { requests, transport } = scripted(...answers);
  return { requests, client: new Client(BASE, { transport }) };
}

function hidesSecrets(error: ClientError): void {
  const shown = `${inspect(error)} ${JSON.stringify(error)}`;
  ok(!/pass|ada|secret/.test(shown), shown);
}

const ANSWERS: readonly [string, ScriptedResponse][] = [
  ["a refusal", { status: 404 }],
  ["a failure", { status: 500, text: "broken" }],
  ["no answer", new TypeError("connection refused")],
  ["an answer without what it needs", { status: 200 }],
];

for (const [what, answer] of ANSWERS) {
  Deno.test(`the error of ${what} says which request it is of, and no secret`, async () => {
    const { client } = clientOf(answer);
    const error = await client.head("a b").then(() => undefined, (error: ClientError) => error);
    ok(error !== undefined);
    equal([error.method, error.url], [
      "HEAD",
      "http://localhost/v1/stream/a%20b?offset=now&token=***",
    ]);
    hidesSecrets(error);
  });
}

Deno.test("each kind of call says its request", async () => {
  const { client } = clientOf(...Array.from({ length: 6 }, () => ({ status: 403 })));
  const calls: [Promise<unknown>, string][] = [
    [client.create("s"), "PUT"],
    [client.writer("s", WRITER).send("x"), "POST"],
    [client.close("s"), "POST"],
    [client.delete("s"), "DELETE"],
    [client.list().next(), "GET"],
    [client.reader("s").read(), "GET"],
  ];
  for (const [call, method] of calls) {
    const error = await failed(call, "forbidden");
    equal(error.method, method);
    ok(error.url?.startsWith("http://localhost/v1/stream/"), error.url);
  }
});

Deno.test("a response that can't be read says its request, over SSE too", async () => {
  const closed = { "stream-next-offset": "1", "content-type": "application/json" };
  const answer = { status: 200, headers: closed, text: "[1" };
  const cut = clientOf(answer, answer, answer, answer, answer);
  const broken = await failed(cut.client.reader("s").read(), "invalid_response");
  equal(broken.method, "GET");
  const sse = clientOf(
    { status: 200, headers: { ...closed, "stream-up-to-date": "true" }, text: "[1]" },
    {
      status: 200,
      headers: { "content-type": "text/event-stream" },
      text: "event: control\ndata: {}\n\n",
    },
  );
  const reader = sse.client.reader("s", { readMode: "sse" });
  await reader.read();
  const odd = await failed(reader.read(), "invalid_response", /streamNextOffset/);
  equal(odd.url, "http://localhost/v1/stream/s?live=sse&offset=1&token=***");
});

Deno.test("a time-out says its request", async () => {
  const fetch = () => new Promise<Response>(() => {});
  const clock = new ManualClock();
  const transport = fetchTransport({ fetch, clock });
  const client = new Client(BASE, { transport, clock, timeoutMs: 1_000 });
  const head = failed(client.head("s"), "timeout", /HEAD http:\/\/localhost\/.*within 1000 ms/);
  clock.advance(1_000);
  const error = await head;
  equal(error.method, "HEAD");
  hidesSecrets(error);
});

Deno.test("a user name in the base URL goes out as it must, and not in the URL", async () => {
  const { client, requests } = clientOf({ status: 204 });
  await client.delete("s");
  equal(requests[0]?.url, "http://localhost/v1/stream/s?token=secret");
  equal(requests[0]?.headers, { authorization: `Basic ${btoa("ada:pass word")}` });
});

const PAGE = "<!DOCTYPE html>\n<html><head><title> Just a moment... </title></head><p>x</p></html>";

Deno.test("a proxy's page is no message: its title is, with status and request", async () => {
  const fetch = () => new Response(PAGE, { status: 502, statusText: "Bad Gateway" });
  const client = new Client("http://localhost/v1/stream", { transport: fetchTransport({ fetch }) });
  const error = await failed(client.delete("s"), "unavailable");
  equal(
    error.message,
    "DELETE http://localhost/v1/stream/s was answered 502 Bad Gateway with the page " +
      '"Just a moment...": is a proxy or another server there?',
  );
});

Deno.test("a page is known by its type too, and one without a title is only a page", async () => {
  const headers = { "content-type": "text/html; charset=utf-8" };
  for (const text of ["Service unavailable", "<html><body>x</body></html>", "\n <?xml?><a/>"]) {
    const { client } = clientOf({ status: 503, headers, text });
    const error = await failed(client.delete("s"), "unavailable", /answered 503 with a page: is a/);
    ok(!error.message.includes("<"), error.message);
  }
});

Deno.test("a header that can't be sent is no lost network, and its value isn't shown", async () => {
  let asked = 0;
  const fetch = (url: string, init: RequestInit) => {
    asked++;
    return new Response(new Request(url, init).url);
  };
  const headers = { Authorization: "Bearer secr\nét☃" };
  // With the default retries, which would go on for a minute.
  const transport = withRetry()(fetchTransport({ fetch }));
  const client = new Client("http://localhost/v1/stream", { headers, transport });
  const says = /header "authorization" can't be sent/;
  hidesSecrets(await failed(client.head("s"), "invalid_argument", says));
  equal(asked, 1);
});
