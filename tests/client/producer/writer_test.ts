import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { failed, ProducerFixture } from "../../support/client/producer_fixture.ts";

async function fixture(headers = TEXT): Promise<ProducerFixture> {
  const made = new ProducerFixture();
  await made.server.make("s", headers);
  return made;
}

Deno.test("each send is one append, and the content type is asked for once", async () => {
  const at = await fixture();
  const writer = at.client.writer("s");
  equal(writer.offset, undefined);
  equal((await writer.send("abc")).offset, at.server.offset(3));
  await writer.send(new Uint8Array([0x64]));
  equal(writer.offset, at.server.offset(4));
  equal(await at.server.content("s"), "abcd");
  equal(at.transport.requests.map(({ method }) => method), ["HEAD", "POST", "POST"]);
});

Deno.test("a value is one message of a JSON stream, a text may be several", async () => {
  const at = await fixture(JSON_TYPE);
  const writer = at.client.writer("s");
  await writer.sendJson([1, 2]);
  await writer.send("[3,4]");
  equal(JSON.parse(await at.server.content("s")), [[1, 2], 3, 4]);
  await failed(writer.sendJson(() => {}), "invalid_argument");
});

Deno.test("a value in a stream of text is its JSON", async () => {
  const at = await fixture();
  await at.client.writer("s").sendJson([1, 2]);
  equal(await at.server.content("s"), "[1,2]");
});

Deno.test("nothing to append is rejected, unless it closes", async () => {
  const at = await fixture();
  const writer = at.client.writer("s");
  await failed(writer.send(""), "invalid_argument", /something to append/);
  equal(at.transport.appends, []);
  ok((await writer.send("", { close: true })).closed);
});

Deno.test("close with data is one step, and closing again is fine", async () => {
  const at = await fixture();
  const writer = at.client.writer("s", { contentType: "text/plain" });
  const answer = await writer.send("a", { close: true });
  equal([answer.offset, answer.closed], [at.server.offset(1), true]);
  ok((await writer.close()).closed);
  const error = await failed(writer.send("b"), "stream_closed");
  equal(error.offset, at.server.offset(1));
});

Deno.test("seq has to grow, and expectedOffset has to be the tail", async () => {
  const at = await fixture();
  const writer = at.client.writer("s", { contentType: "text/plain" });
  await writer.send("a", { seq: "b" });
  await failed(writer.send("b", { seq: "a" }), "sequence_conflict");
  const error = await failed(
    writer.send("c", { expectedOffset: at.server.offset(0) }),
    "offset_mismatch",
  );
  equal(error.offset, at.server.offset(1));
  await writer.send("d", { expectedOffset: at.server.offset(1) });
  equal(await at.server.content("s"), "ad");
});

Deno.test("another content type than the stream's is a conflict, with seq too", async () => {
  const at = await fixture();
  const writer = at.client.writer("s", { contentType: "application/json" });
  await failed(writer.send("1"), "conflict", /text\/plain/);
  await failed(writer.send("1", { seq: "a" }), "conflict");
});

Deno.test("bytes are the caller's again at once", async () => {
  const at = await fixture();
  const bytes = new TextEncoder().encode("abc");
  const sent = at.client.writer("s").send(bytes);
  bytes.fill(0);
  await sent;
  equal(await at.server.content("s"), "abc");
});

Deno.test("an append whose answer was lost is not sent again", async () => {
  const at = await fixture();
  at.transport.script = () => "lose";
  await failed(at.client.writer("s", { contentType: "text/plain" }).send("a"), "network");
  equal(at.transport.appends.length, 1);
});

Deno.test("an abort rejects with its reason", async () => {
  const at = await fixture();
  const controller = new AbortController();
  at.transport.onResponse = () => controller.abort("enough");
  const sent = at.client.writer("s").send("a", { signal: controller.signal });
  await rejects(sent, (reason) => reason === "enough");
});

Deno.test("a value whose JSON would be an empty object though it is none is rejected", async () => {
  const at = await fixture(JSON_TYPE);
  const writer = at.client.writer("s");
  const producer = at.client.producer("s", { id: "p" });
  const lossy: [unknown, RegExp][] = [
    [new Map([[1, 2]]), /^The value is a Map/],
    [new Set([1]), /a Set/],
    [new Blob(["x"]), /a Blob/],
    [Promise.resolve(1), /a Promise/],
    [new Error("x"), /an Error/],
    [new ArrayBuffer(1), /an ArrayBuffer/],
  ];
  for (const [value, says] of lossy) {
    await failed(writer.sendJson(value), "invalid_argument", says);
    await failed(producer.sendJson(value), "invalid_argument", says);
  }
  for (const value of [{}, new (class Ping {})(), Object.create(null)]) {
    await writer.sendJson(value);
  }
  equal(JSON.parse(await at.server.content("s")), [{}, {}, {}]);
});

Deno.test("an empty first content is none", async () => {
  const at = new ProducerFixture();
  for (const initialData of ["", new Uint8Array(0), new Blob([])]) {
    await at.client.create("e", { contentType: "application/json", initialData });
  }
  equal(at.transport.requests.map(({ body }) => body), [undefined, undefined, undefined]);
});
