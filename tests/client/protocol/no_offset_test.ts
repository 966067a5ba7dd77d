import { deepStrictEqual as equal } from "node:assert";
import type { Fields } from "../../support/fixture.ts";
import { OtherServer, reply } from "./other_server.ts";

const JSON_TYPE = { contentType: "application/json" };

/** The answer that says: the server has this batch already. It needs no offset (PROTOCOL §5.2.1). */
function duplicate(seq: number, fields: Fields = {}): Response {
  const headers = { "producer-epoch": "0", "producer-seq": String(seq), ...fields };
  return new Response(null, { status: 204, headers });
}

Deno.test("PROTOCOL §5.2.1: a duplicate's 204 without an offset is stored, and the producer continues", async () => {
  const server = new OtherServer([duplicate(0), duplicate(1), reply(200, "c")]);
  const producer = server.client.producer("s", { id: "p", lingerMs: Infinity, ...JSON_TYPE });
  const offsets: (string | undefined)[] = [];
  const send = async () => {
    for (const value of [1, 2, 3]) {
      const receipt = await producer.sendJson(value);
      await producer.flush();
      offsets.push((await receipt.stored).offset);
    }
  };
  await server.run(send());
  equal(offsets, [undefined, undefined, "c"]);
  equal([producer.seq, producer.offset, producer.undelivered], [3, "c", undefined]);
});

Deno.test("PROTOCOL §5.2.1: a producer that the server knows by a duplicate sends several at once", async () => {
  const server = new OtherServer([duplicate(0), duplicate(1), duplicate(2), duplicate(3)]);
  const producer = server.client.producer("s", { id: "p", maxBatchMessages: 1, ...JSON_TYPE });
  const send = async () => {
    await producer.sendJson(0);
    await producer.flush();
    for (const value of [1, 2, 3]) void producer.sendJson(value);
    equal(producer.gauges.inFlightBatches, 3);
    await producer.flush();
  };
  await server.run(send());
});

Deno.test("PROTOCOL §5.2.1: the duplicate of what closed the stream is a success without an offset", async () => {
  const server = new OtherServer([duplicate(0, { "stream-closed": "true" })]);
  const producer = server.client.producer("s", { id: "p", ...JSON_TYPE });
  const close = async () => {
    await producer.sendJson(1);
    return await producer.closeStream();
  };
  equal(await server.run(close()), { offset: undefined });
});

Deno.test("PROTOCOL §5.2.1: autoClaim still sees that somebody else began its epoch", async () => {
  const server = new OtherServer([
    new Response(null, { status: 409, headers: { "producer-expected-seq": "0" } }),
    duplicate(5),
  ]);
  const producer = server.client.producer("s", { id: "p", autoClaim: true, ...JSON_TYPE });
  const send = async () => {
    await producer.sendJson(1);
    await producer.flush();
  };
  await server.failed(send(), "stale_epoch");
});

Deno.test("PROTOCOL §5.2: a 204 is stored, whether it says where the tail is or not", async () => {
  const server = new OtherServer([
    reply(204, "b"),
    new Response(null, { status: 204 }),
    new Response(null, { status: 204, headers: { "stream-closed": "true" } }),
  ]);
  const writer = server.client.writer("s", JSON_TYPE);
  const send = async () => [await writer.send("1"), await writer.send("2"), await writer.close()];
  equal(await server.run(send()), [
    { offset: "b", closed: false, duplicate: false },
    { offset: undefined, closed: false, duplicate: false },
    { offset: undefined, closed: true, duplicate: false },
  ]);
  equal(writer.offset, undefined);
});

Deno.test("PROTOCOL §5.2: a 200 without an offset may be a proxy's page, and isn't treated as stored", async () => {
  const server = new OtherServer([new Response("<html>", { status: 200 })]);
  await server.failed(server.client.writer("s", JSON_TYPE).send("1"), "invalid_response");
});

Deno.test("PROTOCOL §5.5: the content type alone needs no offset", async () => {
  const server = new OtherServer([
    new Response(null, { headers: { "content-type": "text/plain" } }),
    reply(204, "b"),
  ]);
  equal((await server.run(server.client.writer("s").send("x"))).offset, "b");
});
