import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { Client } from "../../src/client/client.ts";
import { withRetry } from "../../src/client/transport/retry.ts";
import { TEXT } from "../support/fixture.ts";
import { failed, ProducerFixture } from "../support/client/producer_fixture.ts";

Deno.test("create says whether the stream is new", async () => {
  const at = new ProducerFixture();
  const options = { contentType: "text/plain", initialData: "abc" };
  const first = await at.client.create("s", options);
  equal([first.created, first.nextOffset, first.contentType], [
    true,
    at.server.offset(3),
    "text/plain",
  ]);
  equal((await at.client.create("s", { contentType: "text/plain" })).created, false);
  await failed(at.client.create("s", { contentType: "application/json" }), "conflict");
});

Deno.test("what create was asked for is what head tells", async () => {
  const at = new ProducerFixture();
  const expiresAt = new Date(at.server.clock.nowMs() + 60_000);
  await at.client.create("a", { expiresAt, closed: true });
  await at.client.create("b", { ttlSeconds: 60 });
  const a = await at.client.head("a");
  equal([a.closed, a.expiresAt, a.contentType], [true, expiresAt, "application/octet-stream"]);
  const b = await at.client.head("b");
  equal([b.closed, b.ttlSeconds], [false, 60]);
});

Deno.test("a fork begins with what its source holds up to a place", async () => {
  const at = new ProducerFixture();
  await at.client.create("s p", { contentType: "application/json", initialData: "[1,2,3]" });
  await at.client.fork("s p", "whole");
  await at.client.fork("s p", "part", { offset: `${at.server.offset(0)}/1`, subOffset: 1 });
  await at.client.create("same", { forkFrom: { path: "s p", offset: `${at.server.offset(0)}/2` } });
  equal(JSON.parse(await at.server.content("whole")), [1, 2, 3]);
  equal(JSON.parse(await at.server.content("part")), [1, 2]);
  equal(JSON.parse(await at.server.content("same")), [1, 2]);
  await failed(at.client.fork("missing", "x"), "not_found");
});

Deno.test("close and delete do so, and what is missing is not_found", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  ok((await at.client.close("s")).closed);
  ok((await at.client.close("s")).closed);
  await at.client.delete("s");
  await failed(at.client.head("s"), "not_found");
  await failed(at.client.delete("s"), "not_found");
  await failed(at.client.close("s"), "not_found");
});

Deno.test("a delete that was repeated and finds nothing left has succeeded", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  at.transport.script = (_, number) => number === 0 ? "lose" : "pass";
  const client = new Client("http://localhost/v1/stream", {
    transport: withRetry({ clock: at.clock })(at.transport.send),
  });
  await at.outcome(client.delete("s"));
  equal(at.transport.requests.length, 2);
});

Deno.test("every call takes a signal and rejects with its reason", async () => {
  const at = new ProducerFixture();
  const { client } = at;
  const signal = AbortSignal.abort("enough");
  const calls = [
    client.create("s", { signal }),
    client.fork("s", "t", { signal }),
    client.head("s", { signal }),
    client.close("s", { signal }),
    client.delete("s", { signal }),
    client.writer("s").send("a", { signal }),
    client.list({ signal }).next(),
  ];
  for (const call of calls) await rejects(call, (reason) => reason === "enough");
});

Deno.test("a response without an offset is an invalid_response that says what may be wrong", async () => {
  const at = new ProducerFixture();
  at.transport.script = () => ({ status: 200, text: "<html>" });
  await failed(at.client.head("s"), "invalid_response", /Stream-Next-Offset.*hidden/);
});
