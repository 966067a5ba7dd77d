import { deepEqual, equal, notEqual, ok, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import { Compressor } from "../../../src/server/body/compressor.ts";
import type { SliceBody } from "../../../src/http/handler.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import {
  BINARY,
  CLOSE,
  type Fields,
  Fixture,
  type FixtureOptions,
  header,
  isPending,
  JSON_TYPE,
  settle,
  TEXT,
} from "../../support/fixture.ts";

/** Answers with a `Content-Encoding` (RFC 9110 §8.4, §12.5.3). */

const GZIP: Fields = { "accept-encoding": "gzip" };
const KIB = "0123456789abcdef".repeat(64);

async function fixture(content = KIB, headers = TEXT, options?: FixtureOptions): Promise<Fixture> {
  // For all pages alike, so that no answer varies by them.
  const served = new Fixture({ cors: "*", ...options });
  await served.make("a", headers, content);
  return served;
}

async function gunzipped(answer: Response): Promise<string> {
  equal(answer.headers.get("content-encoding"), "gzip");
  return decodeUtf8(zlib.gunzipSync(await answer.arrayBuffer()));
}

Deno.test("a catch-up read from 1 KiB on is in gzip for clients that accept it, and varies", async () => {
  const served = await fixture();
  const plain = await served.get("a");
  const gzip = await served.get("a", GZIP);
  equal(plain.headers.get("content-encoding"), null);
  equal(await plain.text(), KIB);
  equal(await gunzipped(gzip), KIB);
  for (const name of ["content-type", "stream-next-offset", "stream-up-to-date", "cache-control"]) {
    equal(header(gzip, name), header(plain, name));
  }
  equal(header(plain, "vary"), "accept-encoding");
  equal(header(gzip, "vary"), "accept-encoding");
  equal(header(gzip, "etag"), header(plain, "etag").replace(/"$/, '-gzip"'));
});

Deno.test("JSON in gzip is the same array", async () => {
  const values = Array.from({ length: 100 }, (_, id) => ({ id, name: `user ${id}` }));
  const served = await fixture(JSON.stringify(values), JSON_TYPE);
  deepEqual(JSON.parse(await gunzipped(await served.get("a", GZIP))), values);
});

Deno.test("a chunk that is shorter than 1 KiB, or no text, goes out uncompressed and doesn't vary", async () => {
  for (const [content, headers] of [[KIB.slice(1), TEXT], [KIB, BINARY]] as const) {
    const served = await fixture(content, headers);
    const answer = await served.get("a", GZIP);
    equal(answer.headers.get("content-encoding"), null);
    equal(answer.headers.get("vary"), null);
    equal(await answer.text(), content);
  }
});

Deno.test("with compress: false nothing is compressed, and nothing varies", async () => {
  const served = await fixture(KIB, TEXT, { compress: false });
  const answer = await served.get("a", GZIP);
  equal(answer.headers.get("content-encoding"), null);
  equal(answer.headers.get("vary"), null);
  equal(await answer.text(), KIB);
});

Deno.test("a client that accepts no gzip, or prefers identity, gets the bytes uncompressed", async () => {
  const served = await fixture();
  for (const value of ["br", "gzip;q=0", "gzip;q=0.5, identity", "gzip", "identity"]) {
    const answer = await served.get("a", { "accept-encoding": value });
    equal(answer.headers.get("content-encoding"), value === "gzip" ? "gzip" : null, value);
    equal(header(answer, "vary"), "accept-encoding");
    await answer.arrayBuffer();
  }
});

Deno.test("If-None-Match is for the bytes in the coding that would be sent", async () => {
  const served = await fixture();
  const plain = header(await served.get("a"), "etag");
  const gzip = header(await served.get("a", GZIP), "etag");
  notEqual(plain, gzip);
  for (
    const [fields, tag, status] of [
      [{}, plain, 304],
      [{}, gzip, 200],
      [GZIP, gzip, 304],
      [GZIP, `W/${gzip}`, 304],
      [GZIP, `${plain}, ${gzip}`, 304],
      [GZIP, plain, 200],
      [GZIP, "*", 304],
    ] as const
  ) {
    const answer = await served.get("a", { ...fields, "if-none-match": tag });
    equal(answer.status, status, `${JSON.stringify(fields)} ${tag}`);
    equal(header(answer, "vary"), "accept-encoding");
    equal(header(answer, "etag"), "accept-encoding" in fields ? gzip : plain);
    if (status === 304) {
      equal(answer.headers.get("content-encoding"), null);
      equal(await answer.text(), "");
    }
  }
  await served.append("a", CLOSE, undefined);
  const closed = await served.get("a", { ...GZIP, "if-none-match": gzip });
  equal(closed.status, 200);
  equal(header(closed, "stream-closed"), "true");
  equal(await gunzipped(closed), KIB);
});

Deno.test("reads that are no-store are compressed, too, without a tag", async () => {
  const served = await fixture();
  const answer = await served.get(`a?tail=${KIB.length}`, GZIP);
  equal(answer.headers.get("etag"), null);
  equal(await gunzipped(answer), KIB);
});

Deno.test("live responses go out uncompressed", async () => {
  const served = await fixture();
  const poll = await served.get("a?offset=-1&live=long-poll", GZIP);
  equal(poll.headers.get("content-encoding"), null);
  equal(poll.headers.get("vary"), null);
  equal(await poll.text(), KIB);
  const sse = await served.get("a?offset=-1&live=sse", GZIP);
  equal(sse.headers.get("content-encoding"), null);
  await sse.body?.cancel();
});

Deno.test("a response that varies by page varies by both", async () => {
  const cors = ["https://a.example", "https://b.example"];
  const served = await fixture(KIB, TEXT, { cors });
  const answer = await served.get("a", { ...GZIP, origin: "https://a.example" });
  equal(header(answer, "vary"), "accept-encoding, origin");
  equal(header(answer, "access-control-allow-origin"), "https://a.example");
  equal(await gunzipped(answer), KIB);
  const short = await served.get(`a?offset=${served.offset(1000)}`, GZIP);
  equal(header(short, "vary"), "origin");
});

Deno.test("a long chunk yields to other requests until the clock moves on", async () => {
  const text = "a long line of text\n".repeat(50_000);
  const served = await fixture(text);
  const waiting = served.get("a", GZIP);
  for (let turns = 0; turns < 100; turns++) await settle();
  ok(await isPending(waiting));
  equal((await served.get("a", { "accept-encoding": "identity" })).status, 200);
  equal(await gunzipped(await inTurns(served.clock, waiting)), text);
});

Deno.test("while 32 MiB wait to be compressed, the next gets the bytes as they are, with their tag", async () => {
  const text = KIB.repeat(1024);
  const served = await fixture(text);
  const plain = header(await served.get("a"), "etag");
  const waiting = Array.from({ length: 32 }, () => served.get("a", GZIP));
  await settle();
  const answer = await served.get("a", GZIP);
  equal(answer.headers.get("content-encoding"), null);
  equal(header(answer, "etag"), plain);
  equal(header(answer, "vary"), "accept-encoding");
  equal(await answer.text(), text);
  for (const compressed of await inTurns(served.clock, Promise.all(waiting))) {
    equal(await gunzipped(compressed), text);
  }
  equal(await gunzipped(await inTurns(served.clock, served.get("a", GZIP))), text);
});

/** A part of a file, in memory; `missing` bytes of it are no longer there. */
function slice(content: string, missing = 0) {
  const bytes = encodeUtf8(`..${content}..`);
  let released = 0;
  const body: SliceBody = {
    before: "[",
    slice: {
      file: {
        path: "some/file",
        readSync(buffer, position) {
          // As a read may, it brings less than was asked for.
          const end = Math.min(bytes.length - missing, position + Math.min(buffer.length, 50_000));
          const part = bytes.subarray(position, Math.max(position, end));
          buffer.set(part);
          return part.length;
        },
        sendTo: () => 0,
      },
      start: 2,
      end: bytes.length - 2,
      release: () => void released++,
    },
    after: "]",
  };
  return { body, released: () => released };
}

Deno.test("a part of a file, or a blob, is read in pieces and let go of", async () => {
  for (const text of [KIB, "some text ".repeat(20_000)]) {
    const clock = new ManualClock();
    const compressor = new Compressor(clock);
    const { body, released } = slice(text);
    const gzip = await inTurns(clock, compressor.compress(body));
    equal(Buffer.from(zlib.gunzipSync(gzip)).toString(), `[${text}]`);
    equal(released(), 1);
    const blob = await inTurns(clock, compressor.compress(new Blob([text])));
    equal(Buffer.from(zlib.gunzipSync(blob)).toString(), text);
  }
});

Deno.test("a file that is shorter than it was fails its response, and no other", async () => {
  const clock = new ManualClock();
  const compressor = new Compressor(clock);
  const { body, released } = slice(KIB, 10);
  const failing = compressor.compress(body);
  const other = compressor.compress(encodeUtf8(KIB));
  await rejects(failing, /some\/file ends at 1018, before what is sent of it does/);
  equal(released(), 1);
  equal(decodeUtf8(zlib.gunzipSync(await other)), KIB);
});

/** Moves the clock until it is there. */
async function inTurns<T>(clock: ManualClock, waiting: Promise<T>): Promise<T> {
  while (await isPending(waiting)) clock.advance(1);
  return await waiting;
}
