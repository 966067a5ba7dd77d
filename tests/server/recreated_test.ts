import { equal } from "node:assert/strict";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { expectError, Fixture, header, producer, settle, TEXT } from "../support/fixture.ts";
import { SseConnection } from "../support/sse_connection.ts";

/** A name whose stream was deleted and made again: what clients still hold of the old one. */

async function recreated(): Promise<Fixture> {
  const served = new Fixture();
  await served.make("a", TEXT, "the old one's content");
  const first = { ...TEXT, ...producer("p", 7, 0), "stream-seq": "9" };
  equal((await served.post("a", first, "x")).status, 200);
  await served.delete("a");
  await served.make("a", TEXT);
  return served;
}

Deno.test("made again: a producer begins anew, in any epoch and at 0", async () => {
  const served = await recreated();
  for (const seq of [0, 1]) {
    equal((await served.post("a", { ...TEXT, ...producer("p", 0, seq) }, "y")).status, 200);
  }
  equal(await served.content("a"), "yy");
});

Deno.test("made again: Stream-Seq begins anew", async () => {
  const served = await recreated();
  equal(await served.append("a", { ...TEXT, "stream-seq": "1" }, "y"), served.offset(1, 2));
});

const MODES = ["", "&live=long-poll", "&live=sse"];

Deno.test("made again: an offset of the old one is gone in each mode, wherever the new one's tail is", async () => {
  for (const content of ["", "N1", "N1".repeat(20)]) {
    const served = await recreated();
    if (content !== "") await served.append("a", TEXT, content);
    for (const live of MODES) {
      for (const position of [0, 2, 22, 99]) {
        await expectError(
          await served.get(`a?offset=${served.offset(position)}${live}`),
          410,
          "offset_gone",
          /^The offset "\w{8}-\d+" belongs to an earlier stream of this name.*: begin at -1/,
        );
      }
    }
  }
});

Deno.test("made again: the start is the new one's, however it is spelled, and its own offsets are right", async () => {
  const served = await recreated();
  const tail = await served.append("a", TEXT, "N1");
  for (const start of ["-1", "0000000000000000_0000000000000000", served.offset(0, 2)]) {
    equal(await served.content(`a?offset=${start}`), "N1");
  }
  equal(await served.content(`a?offset=${tail}`), "");
});

Deno.test("deleted and not made again: 404, before anything is said of the offset", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT, "x");
  await served.delete("a");
  for (const live of MODES) {
    await expectError(await served.get(`a?offset=${tail}${live}`), 404, "not_found");
  }
});

Deno.test("made again: the old one's tail is expected in vain, and the response tells the new one's", async () => {
  const served = await recreated();
  const expected = { ...TEXT, "stream-expected-offset": served.offset(0) };
  const answer = await served.post("a", expected, "x");
  equal(header(answer, "stream-next-offset"), served.offset(0, 2));
  await expectError(answer, 409, "offset_mismatch", /belongs to an earlier stream of this name/);
  equal(await served.content("a"), "");
});

Deno.test("made again: it isn't forked at an offset of the old one", async () => {
  const served = await recreated();
  const from = { "stream-forked-from": "/v1/stream/a", "stream-fork-offset": served.offset(0) };
  await expectError(
    await served.put("f", from),
    410,
    "offset_gone",
    /^Stream-Fork-Offset ".*" belongs/,
  );
  equal((await served.head("f")).status, 404);
});

Deno.test("made again while a long-poll waits, as another fork of the same source: gone", async () => {
  const served = new Fixture();
  const fork = { "stream-forked-from": "/v1/stream/src" };
  await served.make("src", TEXT, "src");
  const tail = await served.make("a", fork);
  const waiting = served.get(`a?offset=${tail}&live=long-poll`);
  await settle();
  const { storage } = served;
  const read = storage.read.bind(storage);
  const isMadeAgain = Promise.withResolvers<void>();
  storage.read = async (...request) => {
    await isMadeAgain.promise;
    return await read(...request);
  };
  await storage.delete("a");
  await storage.create("a", { fork: { source: "src" }, body: encodeUtf8("new data") });
  isMadeAgain.resolve();
  await expectError(await waiting, 410, "offset_gone", /made again/);
});

Deno.test("made again while SSE readers wait: they get nothing of it, and come back in vain", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT, "old");
  const sse = new SseConnection(await served.get(`a?offset=${tail}&live=sse`));
  equal((await sse.frame()).control.streamNextOffset, tail);
  await Promise.all([served.delete("a"), served.put("a", TEXT, "new data")]);
  equal(await sse.rest(), "");
  await expectError(await served.get(`a?offset=${tail}&live=sse`), 410, "offset_gone");
});

Deno.test("made again: the old one's cursor is answered with the new one's data and a greater cursor", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  const old = header(await served.get("a?offset=-1&live=long-poll"), "stream-cursor");
  await served.delete("a");
  await served.make("a", TEXT, "new");
  const answer = await served.get(`a?offset=-1&live=long-poll&cursor=${old}`);
  equal(await answer.text(), "new");
  equal(Number(header(answer, "stream-cursor")) > Number(old), true);
});
