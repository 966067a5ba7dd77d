import { deepEqual, equal } from "node:assert/strict";
import { expectError, Fixture, JSON_TYPE, tailOf, TEXT } from "../../support/fixture.ts";

Deno.test("POST appends: 204 with the new tail and no body", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const answer = await served.post("a", TEXT, "hello");
  equal(answer.status, 204);
  equal(answer.headers.get("stream-next-offset"), served.offset(5));
  equal(answer.headers.get("stream-closed"), null);
  equal(await answer.text(), "");
});

Deno.test("POST to a name without a stream: 404", async () => {
  await expectError(await new Fixture().post("a", TEXT, "x"), 404, "not_found", /no stream "a"/);
});

Deno.test("POST with other parameters of the content type is taken", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.append("a", { "content-type": "Text/Plain; charset=utf-8" }, "x");
});

Deno.test("POST of a body in several chunks: one append", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const body = ReadableStream.from([new Uint8Array([97]), new Uint8Array([98, 99])]);
  equal(await served.append("a", TEXT, body), served.offset(3));
  equal(await served.content("a"), "abc");
});

Deno.test("JSON: a batch is flattened by one level, and read as one array", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE);
  await served.append("a", JSON_TYPE, `{"event":"created"}`);
  await served.append("a", JSON_TYPE, `[{"event":"a"},{"event":"b"}]`);
  await served.append("a", JSON_TYPE, `[[1,2],[3,4]]`);
  await served.append("a", JSON_TYPE, `[[[1,2,3]]]`);
  deepEqual(await (await served.get("a")).json(), [
    { event: "created" },
    { event: "a" },
    { event: "b" },
    [1, 2],
    [3, 4],
    [[1, 2, 3]],
  ]);
});

Deno.test("JSON: digits and key order come back as they were", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE);
  const message = `{"n":12345678901234567890, "b":1,"a":2}`;
  await served.append("a", JSON_TYPE, message);
  equal(await served.content("a"), `[${message}]`);
});

Deno.test("Stream-Seq: only what is greater byte by byte is taken", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.append("a", { ...TEXT, "stream-seq": "10" }, "1");
  const tail = await served.append("a", { ...TEXT, "stream-seq": "9" }, "2");
  for (const seq of ["9", "10", "89", ""]) {
    const answer = await served.post("a", { ...TEXT, "stream-seq": seq }, "x");
    equal(answer.headers.get("stream-next-offset"), tail);
    const says = /^Sequence conflict: Stream-Seq ".*" is not after .*"9"/;
    await expectError(answer, 409, "sequence_regression", says);
  }
  await served.append("a", { ...TEXT, "stream-seq": "a" }, "3");
  equal((await served.post("a", { ...TEXT, "stream-seq": "Z" }, "x")).status, 409);
  equal(await served.content("a"), "123");
});

Deno.test("Stream-Seq: an append without one neither needs nor moves it", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.append("a", { ...TEXT, "stream-seq": "5" }, "1");
  await served.append("a", TEXT, "2");
  equal((await served.post("a", { ...TEXT, "stream-seq": "5" }, "x")).status, 409);
  await served.append("a", { ...TEXT, "stream-seq": "6" }, "3");
});

Deno.test("Stream-Seq: a refused append doesn't move it", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE);
  equal((await served.post("a", { ...JSON_TYPE, "stream-seq": "9" }, "{")).status, 400);
  await served.append("a", { ...JSON_TYPE, "stream-seq": "1" }, "1");
});

Deno.test("content type comes before Stream-Seq", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  await served.append("a", { ...TEXT, "stream-seq": "5" }, "1");
  const answer = await served.post("a", { ...JSON_TYPE, "stream-seq": "1" }, "1");
  await expectError(answer, 409, "content_type_mismatch");
});

Deno.test("Stream-Expected-Offset at the tail: appended", async () => {
  const served = new Fixture();
  let tail = await served.make("a", TEXT);
  for (let i = 0; i < 3; i++) {
    tail = await served.append("a", { ...TEXT, "stream-expected-offset": tail }, "x");
  }
  equal(tail, served.offset(3));
});

Deno.test("Stream-Expected-Offset elsewhere: 409 with the tail, and nothing is appended", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "abc");
  for (const expected of [0, 2, 4]) {
    const headers = { ...TEXT, "stream-expected-offset": served.offset(expected) };
    const answer = await served.post("a", headers, "x");
    equal(answer.headers.get("stream-next-offset"), served.offset(3));
    equal(answer.headers.get("stream-closed"), null);
    await expectError(
      answer,
      409,
      "offset_mismatch",
      /Stream-Expected-Offset \w{8}-0+\d is not the tail/,
    );
  }
  equal(await served.content("a"), "abc");
});

Deno.test("Stream-Expected-Offset: of two writers at one offset the second is refused", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT);
  const headers = { ...TEXT, "stream-expected-offset": tail };
  const answers = await Promise.all(["x", "y"].map((body) => served.post("a", headers, body)));
  deepEqual(answers.map(({ status }) => status).sort(), [204, 409]);
  equal((await served.content("a")).length, 1);
});

Deno.test("Stream-Expected-Offset on a close: checked, too", async () => {
  const served = new Fixture();
  const tail = await served.make("a", TEXT, "abc");
  const close = { "stream-closed": "true" };
  equal(
    (await served.post("a", { ...close, "stream-expected-offset": served.offset(0) })).status,
    409,
  );
  equal((await served.head("a")).headers.get("stream-closed"), null);
  tailOf(await served.post("a", { ...close, "stream-expected-offset": tail }), 204);
});

Deno.test("Stream-Expected-Offset that is no offset: 400", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  for (const value of ["", "0", "now", "-1", "abc"]) {
    const answer = await served.post("a", { ...TEXT, "stream-expected-offset": value }, "x");
    await expectError(
      answer,
      400,
      "invalid_offset",
      /Stream-Expected-Offset ".*" is malformed/,
      /16 digits\)\.$/,
    );
  }
});
