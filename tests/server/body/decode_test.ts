import { equal, ok } from "node:assert/strict";
import zlib from "node:zlib";
import fc from "fast-check";
import { type Bytes, concatBytes, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import {
  CLOSE,
  expectError,
  Fixture,
  JSON_TYPE,
  producer,
  settle,
  tailOf,
  TEXT,
} from "../../support/fixture.ts";

/** Bodies with a `Content-Encoding` (RFC 9110 §8.4). */

type Coding = "gzip" | "deflate" | "zstd";

const ENCODERS: Readonly<Record<Coding, (data: Uint8Array) => Uint8Array>> = {
  gzip: zlib.gzipSync,
  deflate: zlib.deflateSync,
  zstd: zlib.zstdCompressSync,
};
const CODINGS = ["gzip", "deflate", "zstd"] as const satisfies Coding[];

const BOMB_BYTES = 256 * 1024 * 1024;

function encode(coding: Coding, data: Uint8Array | string): Bytes {
  return new Uint8Array(ENCODERS[coding](typeof data === "string" ? encodeUtf8(data) : data));
}

function encoded(coding: string, fields = TEXT) {
  return { ...fields, "content-encoding": coding };
}

for (const coding of CODINGS) {
  Deno.test(`${coding}: POST and PUT store what the body holds`, async () => {
    const served = new Fixture();
    await served.make("a", encoded(coding), encode(coding, "one, "));
    equal(await served.append("a", encoded(coding), encode(coding, "two")), served.offset(8));
    equal(await served.content("a"), "one, two");
    await served.make("j", encoded(coding, JSON_TYPE), encode(coding, "[1,2]"));
    await served.append("j", encoded(coding.toUpperCase(), JSON_TYPE), encode(coding, "[3]"));
    equal(await served.content("j"), "[1,\n2,\n3]");
  });

  Deno.test(`${coding}: any bytes come back, whatever their length`, async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.tuple(fc.nat(255), fc.integer({ min: 65_000, max: 200_000 }))
        .map(([byte, length]) => new Uint8Array(length).fill(byte)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (data) => {
        const served = new Fixture();
        const body = encode(coding, data);
        equal((await inTurns(served, served.put("a", encoded(coding), body))).status, 201);
        const read = new Uint8Array(await (await served.get("a")).arrayBuffer());
        ok(read.length === data.length && read.every((byte, at) => byte === data[at]));
      }),
      { numRuns: 30 },
    );
  });

  Deno.test(`${coding}: a bomb is refused with 413, and what it took is given back`, async () => {
    const served = new Fixture({ maxAppendBytes: 1024 * 1024, maxBodyBytesInFlight: 4_000_000 });
    await served.make("a", TEXT);
    const bomb = encode(coding, new Uint8Array(BOMB_BYTES));
    ok(bomb.length < 300_000);
    for (let i = 0; i < 3; i++) {
      const answer = await inTurns(served, served.post("a", encoded(coding), bomb));
      equal(answer.headers.get("connection"), "close");
      await expectError(answer, 413, "body_too_large", /longer than 1048576 bytes/);
    }
    equal((await served.post("a", TEXT, new Uint8Array(1024 * 1024))).status, 204);
  });

  Deno.test(`${coding}: the limit is the decoded body's`, async () => {
    const served = new Fixture({ maxAppendBytes: 1000 });
    await served.make("a", encoded(coding), encode(coding, "x".repeat(1000)));
    const longer = encode(coding, "x".repeat(1001));
    await expectError(await served.post("a", encoded(coding), longer), 413, "body_too_large");
    equal((await served.content("a")).length, 1000);
  });

  Deno.test(`${coding}: bytes that are truncated, changed or no ${coding} are refused with 400`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT);
    const whole = encode(coding, "abcdefghijklmnop".repeat(5000));
    const wrong = [whole.subarray(0, 1), whole.subarray(0, -1), encodeUtf8("plain text")];
    wrong.push(concatBytes([whole, encodeUtf8("more")]), concatBytes([whole, new Uint8Array(4)]));
    // The checksum of gzip and deflate; zstd has none unless asked for.
    if (coding !== "zstd") wrong.push(whole.with(-5, (whole.at(-5) ?? 0) ^ 1));
    for (const body of wrong) {
      const answer = await served.post("a", encoded(coding), body);
      const says = new RegExp(`^The body is not valid ${coding}, as its Content-Encoding says: .+`);
      await expectError(answer, 400, "undecodable_body", says);
      const put = await served.put("b", encoded(coding), body);
      await expectError(put, 400, "undecodable_body", says);
    }
    equal(await served.content("a"), "");
    equal((await served.get("b")).status, 404);
  });

  Deno.test(`${coding}: cut anywhere, a body is refused`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT);
    const whole = encode(coding, "abc".repeat(100));
    for (let length = 1; length < whole.length; length++) {
      const answer = await served.post("a", encoded(coding), whole.subarray(0, length));
      await expectError(answer, 400, "undecodable_body");
    }
  });

  Deno.test(`${coding}: however bytes are changed, they are refused, or stored as what they say`, async () => {
    const text = "abcdefgh, ijklmnop, ".repeat(20);
    const whole = encode(coding, text);
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const served = new Fixture({ maxAppendBytes: 65_536 });
        await served.make("a", TEXT);
        const body = changes.reduce((bytes, { at, byte }) => bytes.with(at, byte), whole);
        const answer = await inTurns(served, served.post("a", encoded(coding), body));
        await answer.body?.cancel();
        if (answer.status === 204) {
          // Of these alone the text has a checksum.
          if (coding !== "zstd") equal(await served.content("a"), text);
        } else {
          ok(answer.status === 400 || answer.status === 413, String(answer.status));
          equal(await served.content("a"), "");
        }
      }),
      { numRuns: 300 },
    );
  });

  Deno.test(`${coding}: no body is none, and closes`, async () => {
    const served = new Fixture();
    await served.make("a", encoded(coding));
    equal((await served.post("a", encoded(coding, CLOSE))).status, 204);
    const closed = await served.get("a");
    equal(closed.headers.get("stream-closed"), "true");
  });

  Deno.test(`${coding}: a producer's batch sent again is stored once`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT);
    const headers = encoded(coding, { ...TEXT, ...producer("p", 0, 0) });
    equal((await served.post("a", headers, encode(coding, "x"))).status, 200);
    equal((await served.post("a", headers, encode(coding, "x"))).status, 204);
    equal(await served.content("a"), "x");
  });

  Deno.test(`${coding}: a body that holds nothing is an empty one`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT);
    await expectError(
      await served.post("a", encoded(coding), encode(coding, "")),
      400,
      "empty_body",
    );
  });

  Deno.test(`${coding}: what a body is decoded to counts as bodies on their way in do`, async () => {
    const served = new Fixture({ maxAppendBytes: 1024 * 1024, maxBodyBytesInFlight: 1280 * 1024 });
    await served.make("a", TEXT);
    const first = new TransformStream<Uint8Array, Uint8Array>();
    const writer = first.writable.getWriter();
    const waiting = served.post("a", TEXT, first.readable);
    await writer.write(new Uint8Array(768 * 1024));
    const body = encode(coding, new Uint8Array(768 * 1024));
    const refusal = await inTurns(served, served.post("a", encoded(coding), body));
    await expectError(refusal, 503, "too_many_bodies", /try again/);
    await writer.close();
    equal((await waiting).status, 204);
    equal((await inTurns(served, served.post("a", encoded(coding), body))).status, 204);
  });
}

Deno.test("members of gzip and frames of zstd one after the other are one body", async () => {
  const served = new Fixture();
  const skipped = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9);
  for (const [coding, between] of [["gzip", new Uint8Array()], ["zstd", skipped]] as const) {
    const parts = ["one, ", "two"].map((text) => encode(coding, text));
    const body = concatBytes([...parts, between, ...parts]);
    equal((await inTurns(served, served.put(coding, encoded(coding), body))).status, 201);
    equal(await served.content(coding), "one, twoone, two");
  }
});

Deno.test("zstd: a window that takes more memory than RFC 9659 allows is refused, and too many frames", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const params = {
    [zlib.constants.ZSTD_c_windowLog]: 24,
    [zlib.constants.ZSTD_c_contentSizeFlag]: 0,
  };
  const wide = new Uint8Array(zlib.zstdCompressSync(new Uint8Array(20_000_000), { params }));
  const answer = await served.post("a", encoded("zstd"), wide);
  await expectError(
    answer,
    400,
    "undecodable_body",
    /window has 16777216 bytes, and at most 8388608/,
  );
  const many = concatBytes(Array.from({ length: 1025 }, () => encode("zstd", "x")));
  const refusal = await inTurns(served, served.post("a", encoded("zstd"), many));
  await expectError(refusal, 400, "undecodable_body", /more than 1024 frames/);
});

Deno.test("identity, x-gzip and an empty Content-Encoding are taken", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  for (const coding of ["identity", "", "Identity, identity"]) {
    await served.append("a", encoded(coding), "x");
  }
  await served.append("a", encoded("x-gzip"), encode("gzip", "y"));
  await served.append("a", encoded("identity, gzip"), encode("gzip", "z"));
  equal(await served.content("a"), "xxxyz");
});

for (
  const coding of ["br", "compress", "aws-chunked", "gzip, gzip", "zstd, deflate", "utf-8", ";"]
) {
  Deno.test(`Content-Encoding ${coding}: 415 that says which are taken, whatever the body`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT);
    for (const body of ["x", undefined]) {
      for (const [method, name] of [["POST", "a"], ["PUT", "b"]] as const) {
        const answer = await served.send(method, name, encoded(coding), body);
        equal(answer.headers.get("accept-encoding"), "gzip, deflate, zstd");
        await expectError(
          answer,
          415,
          "unsupported_encoding",
          /expected one of gzip, deflate, zstd/,
        );
      }
    }
    equal(await served.content("a"), "");
    equal((await served.get("b")).status, 404);
  });
}

Deno.test("decoding a long body yields to other requests until the clock moves on", async () => {
  const served = new Fixture();
  await served.make("a", TEXT);
  const body = encode("gzip", new Uint8Array(10 * 1024 * 1024));
  let isDone = false;
  const waiting = served.post("a", encoded("gzip"), body).finally(() => isDone = true);
  for (let turns = 0; turns < 200; turns++) await settle();
  ok(!isDone);
  equal(tailOf(await inTurns(served, waiting), 204), served.offset(10 * 1024 * 1024));
});

/** The answer to a body that gives way to others: the clock has to move for it to go on. */
async function inTurns(served: Fixture, answer: Promise<Response>): Promise<Response> {
  let isDone = false;
  const done = answer.finally(() => isDone = true);
  while (!isDone) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    served.clock.advance(1);
  }
  return await done;
}
