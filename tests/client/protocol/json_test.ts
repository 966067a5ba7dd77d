import { deepStrictEqual as equal } from "node:assert";
import { AT_END, AT_TAIL, json, OtherServer, reply, sse, text } from "./other_server.ts";

const JSON_TYPE = { "content-type": "application/json" };

Deno.test("PROTOCOL §9.1.1: each element of a response is a message, whatever white space is between", async () => {
  const server = new OtherServer([
    json("a", '\n[ {"a" : 1} ,\t[1, [2]],\r\n"x,]\\"[" , null,12345678901234567890]\n', AT_END),
  ]);
  equal(await server.read(server.client.reader("s")), [
    '{"a" : 1}',
    "[1, [2]]",
    '"x,]\\"["',
    "null",
    "12345678901234567890",
  ]);
});

Deno.test("PROTOCOL §9.1.2: a value is sent as one message, arrays too", async () => {
  const server = new OtherServer([reply(204, "b"), reply(204, "c"), reply(204, "d")]);
  const writer = server.client.writer("s", { contentType: "application/json" });
  const send = async () => {
    await writer.sendJson({ a: 1 });
    await writer.sendJson([1, 2]);
    await writer.sendJson([]);
  };
  await server.run(send());
  equal(server.asked.map(({ body }) => body), ['[{"a":1}]', "[[1,2]]", "[[]]"]);
});

Deno.test("PROTOCOL §9.1.2: a producer sends its messages as one array, each of them one message", async () => {
  const server = new OtherServer([reply(200, "b")]);
  const producer = server.client.producer("s", {
    id: "p",
    contentType: "application/json",
    lingerMs: Infinity,
  });
  const sendAll = async () => {
    await producer.sendJson([]);
    await producer.sendJson([[1]]);
    await producer.send(" 2 ");
    await producer.close();
  };
  await server.run(sendAll());
  equal(server.asked.map(({ body }) => body), ["[[],[[1]], 2 ]"]);
});

Deno.test("PROTOCOL §9.1.3: nothing to send is no request", async () => {
  const server = new OtherServer([]);
  const producer = server.client.producer("s", { id: "p", contentType: "application/json" });
  await producer.flush();
  await producer.close();
  const writer = server.client.writer("s", { contentType: "application/json" });
  await server.failed(writer.send(""), "invalid_argument");
  equal(server.log, []);
});

Deno.test("PROTOCOL §9.1.5: a charset doesn't keep a stream from being JSON", async () => {
  const type = { "content-type": "application/json; charset=utf-8" };
  const server = new OtherServer([
    json("a", "[1,2]", { ...AT_TAIL, ...type }),
    sse(
      "event: data\ndata: [3]\n\n" +
        'event: control\ndata: {"streamNextOffset":"z","streamClosed":true}\n\n',
    ),
  ]);
  equal(await server.read(server.client.reader("s")), ["1", "2", "3"]);
});

Deno.test("PROTOCOL §9.1.5: application/ndjson is bytes, not JSON mode", async () => {
  const server = new OtherServer([
    text("a", '{"a":1}\n{"b":2}\n', { ...AT_END, "content-type": "application/ndjson" }),
  ]);
  equal(await server.read(server.client.reader("s")), ['{"a":1}\n{"b":2}\n']);
});

Deno.test("PROTOCOL §12.3: what stands in a stream is data: __proto__ and markup stay what they are", async () => {
  const server = new OtherServer([
    json("a", '[{"__proto__":{"polluted":true}},"<script>"]', { ...AT_END, ...JSON_TYPE }),
  ]);
  const values: unknown[] = [];
  const readAll = async () => {
    for await (const value of server.client.reader("s").json()) values.push(value);
  };
  await server.run(readAll());
  equal(values.map((value) => JSON.stringify(value)), [
    '{"__proto__":{"polluted":true}}',
    '"<script>"',
  ]);
  equal(Reflect.get({}, "polluted"), undefined);
});
