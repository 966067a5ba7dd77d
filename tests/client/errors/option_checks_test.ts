import { deepStrictEqual as equal, ok, throws } from "node:assert";
import { Client, type ClientOptions } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { type RetryOptions, withRetry } from "../../../src/client/transport/retry.ts";
import { failed } from "../../support/client/producer_fixture.ts";
import { chunkResponse, ScriptKit } from "../../support/client/reader_kit.ts";
import { scripted } from "../../support/client/scripted_fetch.ts";

const BASE = "http://localhost/v1/stream";

function refuses(call: () => unknown, says: RegExp): void {
  throws(call, (error) => {
    ok(error instanceof ClientError && error.code === "invalid_argument", String(error));
    ok(says.test(error.message), error.message);
    return true;
  });
}

/** What somebody without types may pass for milliseconds. */
const NO_TIMES: readonly [string, unknown][] = [
  ["-1", -1],
  ["NaN", NaN],
  ['"5"', "5"],
  ["null", null],
];

function untyped<Options>(name: string, value: unknown): Options {
  const options = JSON.parse("{}");
  options[name] = value;
  return options;
}

for (const [shown, value] of NO_TIMES) {
  Deno.test(`${shown} is rejected by withRetry, reader, producer and client in the same words`, () => {
    const client = new Client(BASE);
    for (const name of ["maxRetries", "maxElapsedMs", "initialDelayMs", "maxDelayMs"]) {
      const says = new RegExp(
        `^${name} is .*${shown}.*: expected (milliseconds|a number), at least 0`,
      );
      refuses(() => withRetry(untyped<RetryOptions>(name, value)), says);
    }
    const says = (name: string) =>
      new RegExp(`^${name} is .*${shown}.*: expected milliseconds, at least 0, or Infinity\\.$`);
    refuses(() => client.reader("s", untyped("maxElapsedMs", value)), says("maxElapsedMs"));
    refuses(
      () => client.producer("s", { id: "p", ...untyped<object>("maxElapsedMs", value) }),
      says("maxElapsedMs"),
    );
    for (const name of ["timeoutMs", "liveTimeoutMs"]) {
      refuses(() => new Client(BASE, untyped<ClientOptions>(name, value)), says(name));
    }
  });
}

Deno.test("whole numbers are checked wherever they are taken", async () => {
  const client = new Client(BASE);
  refuses(
    () => client.list({ pageSize: 0 }),
    /^pageSize is 0: expected a whole number from 1 to 1000/,
  );
  refuses(() => client.list({ pageSize: 1001 }), /^pageSize is 1001/);
  await failed(client.create("s", { ttlSeconds: 1.5 }), "invalid_argument", /^ttlSeconds is 1.5/);
  await failed(client.create("s", { ttlSeconds: NaN }), "invalid_argument", /^ttlSeconds is NaN/);
  await failed(
    client.fork("s", "t", { subOffset: -1 }),
    "invalid_argument",
    /^subOffset is -1: expected a whole number from 0 to 2\^53-1/,
  );
});

Deno.test("a mode, an offset and a time that are none are rejected with what would be right", async () => {
  const client = new Client(BASE);
  refuses(
    () => client.reader("s", untyped("readMode", "live")),
    /^readMode is "live": expected auto, long-poll, sse, catch-up/,
  );
  refuses(() => new Client(BASE, untyped("readMode", "x")), /^readMode is "x"/);
  refuses(
    () => client.reader("s", untyped("offset", 5)),
    /^The offset is 5: expected one that was/,
  );
  refuses(() => client.producer("s", untyped("id", undefined)), /producer's id is undefined/);
  await failed(
    client.create("s", { expiresAt: new Date(NaN) }),
    "invalid_argument",
    /^expiresAt is Invalid Date: expected a valid Date/,
  );
});

Deno.test("an explicit undefined is an option left out: the client's and the reader's", async () => {
  ok(
    new Client(BASE, {
      headers: undefined,
      query: undefined,
      timeoutMs: undefined,
      liveTimeoutMs: undefined,
      readMode: undefined,
      transport: undefined,
      onAttempt: undefined,
      clock: undefined,
      random: undefined,
    }),
  );
  const kit = new ScriptKit(
    [
      chunkResponse("[1]", { next: "5", upToDate: true }),
      chunkResponse(null, { next: "5", closed: true }),
    ],
    { readMode: "long-poll" },
  );
  const reader = kit.client.reader("s", {
    readMode: undefined,
    offset: undefined,
    signal: undefined,
    maxElapsedMs: undefined,
  });
  await kit.until(reader.read());
  await kit.until(reader.read());
  equal(kit.requests, ["GET s?offset=-1", "GET s?live=long-poll&offset=5"]);
});

Deno.test("an explicit undefined is an option left out: the producer's and withRetry's", async () => {
  const { requests, transport } = scripted({ status: 200, headers: { "stream-next-offset": "1" } });
  const producer = new Client(BASE, { transport }).producer("s", {
    id: "p",
    contentType: "text/plain",
    epoch: undefined,
    seq: undefined,
    autoClaim: undefined,
    maxBatchBytes: undefined,
    maxBatchMessages: undefined,
    lingerMs: undefined,
    maxInFlight: undefined,
    maxBufferedBytes: undefined,
    maxElapsedMs: undefined,
    signal: undefined,
    onError: undefined,
    headers: undefined,
    query: undefined,
  });
  await producer.send("x");
  await producer.flush();
  equal([requests[0]?.headers["producer-epoch"], requests[0]?.headers["producer-seq"]], ["0", "0"]);
  const retrying = scripted({ status: 503 }, { status: 204 });
  const options = { maxRetries: undefined, maxElapsedMs: undefined, initialDelayMs: undefined };
  const retried = withRetry({
    ...options,
    maxDelayMs: undefined,
    random: () => 0,
    clock: undefined,
  });
  await new Client(BASE, { transport: retried(retrying.transport) }).delete("s");
  equal(retrying.requests.length, 2);
});

Deno.test("an undefined header, parameter, send or create option is not sent", async () => {
  const ok = { status: 204, headers: { "stream-next-offset": "1" } };
  const { requests, transport } = scripted(ok, ok);
  const client = new Client(BASE, { transport, headers: { "x-a": undefined, "x-b": "b" } });
  await client.create("s", {
    contentType: undefined,
    ttlSeconds: undefined,
    expiresAt: undefined,
    initialData: undefined,
    closed: undefined,
    forkFrom: undefined,
    query: { a: undefined },
  });
  const writer = client.writer("s", { contentType: "text/plain" });
  await writer.send("x", { seq: undefined, expectedOffset: undefined, close: undefined });
  equal(requests.map(({ headers, url }) => [url, headers]), [
    [`${BASE}/s`, { "x-b": "b" }],
    [`${BASE}/s`, { "x-b": "b", "content-type": "text/plain" }],
  ]);
});
