import { deepStrictEqual as equal } from "node:assert";
import { ContentTypes } from "../../../src/client/transport/content_types.ts";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { failed, ProducerFixture } from "../../support/client/producer_fixture.ts";

function methods(at: ProducerFixture): string[] {
  return at.transport.requests.map(({ method }) => method);
}

Deno.test("exists says whether a stream is there, and throws what it can't find out", async () => {
  const at = new ProducerFixture();
  equal(await at.client.exists("s"), false);
  await at.client.create("s");
  equal(await at.client.exists("s"), true);
  await at.client.fork("s", "fork");
  await at.client.delete("s");
  equal(await at.client.exists("s"), false);
  at.transport.script = () => ({ status: 401 });
  await failed(at.client.exists("s"), "unauthenticated");
});

Deno.test("exists needs nothing but the status", async () => {
  const at = new ProducerFixture();
  at.transport.script = () => ({ status: 200 });
  equal(await at.client.exists("s"), true);
});

Deno.test("who created, read or asked about a stream doesn't ask for its type again", async () => {
  const created = new ProducerFixture();
  await created.client.create("s", { contentType: "application/json" });
  await created.client.writer("s").sendJson(1);
  await created.client.writer("s").sendJson(2);
  equal(methods(created), ["PUT", "POST", "POST"]);

  const asked = new ProducerFixture();
  await asked.server.make("s", JSON_TYPE);
  await asked.client.head("s");
  const producer = asked.client.producer("s", { id: "p" });
  await producer.sendJson(1);
  await asked.outcome(producer.flush());
  equal(methods(asked), ["HEAD", "POST"]);

  const read = new ProducerFixture();
  await read.server.make("s", JSON_TYPE, "[1]");
  await read.client.reader("s").all();
  await read.client.writer("s").sendJson(2);
  equal(methods(read).filter((method) => method === "HEAD"), []);
});

Deno.test("a stream that was recreated with another type: the writer asks and sends again", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  const writer = at.client.writer("s");
  await writer.sendJson([1]);
  await at.server.delete("s");
  await at.server.make("s", JSON_TYPE);
  await writer.sendJson([2]);
  equal(await at.server.content("s"), "[[2]]");
  equal(methods(at), ["HEAD", "POST", "POST", "HEAD", "POST"]);
});

Deno.test("a type that was given is the caller's word: nothing is asked, and it stays a conflict", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", JSON_TYPE);
  await failed(at.client.writer("s", { contentType: "text/plain" }).send("1"), "conflict");
  equal(methods(at), ["POST"]);
});

Deno.test("a producer that meets another type fails, and the next one asks", async () => {
  const at = new ProducerFixture();
  await at.client.create("s", { contentType: "text/plain" });
  await at.server.delete("s");
  await at.server.make("s", JSON_TYPE);
  const first = at.client.producer("s", { id: "p" });
  await first.sendJson(1);
  await failed(at.outcome(first.flush()), "conflict");
  const second = at.client.producer("s", { id: "p", epoch: 1 });
  await second.sendJson(2);
  await at.outcome(second.flush());
  equal(await at.server.content("s"), "[2]");
});

Deno.test("who deletes a stream forgets its type", async () => {
  const at = new ProducerFixture();
  await at.client.create("s", { contentType: "text/plain" });
  await at.client.delete("s");
  await at.server.make("s", JSON_TYPE);
  await at.client.writer("s").sendJson([1]);
  equal(methods(at), ["PUT", "DELETE", "HEAD", "POST"]);
});

Deno.test("what a call with headers of its own learns may be of another stream", async () => {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  await at.client.head("s", { headers: { "x-tenant": "a" } });
  await at.client.writer("s").send("x");
  equal(methods(at), ["HEAD", "HEAD", "POST"]);
});

Deno.test("a thousand types are remembered, the latest", () => {
  const types = new ContentTypes();
  for (let i = 0; i < 1_001; i++) types.set(String(i), "text/plain");
  equal([types.get("0"), types.get("1"), types.get("1000")], [
    undefined,
    "text/plain",
    "text/plain",
  ]);
});
