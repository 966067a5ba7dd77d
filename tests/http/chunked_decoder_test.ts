import { deepEqual, equal, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { ChunkedDecoder } from "../../src/http/chunked_decoder.ts";
import { ChunkEncoder, LAST_CHUNK } from "../../src/http/chunk_encoder.ts";
import { ParseError } from "../../src/http/parse_error.ts";
import { type Bytes, concatBytes } from "../../src/protocol/bytes.ts";

function bytesOf(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** What a decoder makes of these pieces, and what it leaves of them. */
function decode(pieces: readonly Bytes[]): { data: Bytes; rest: Bytes; isDone: boolean } {
  const decoder = new ChunkedDecoder();
  const parts: Bytes[] = [];
  const rest: Bytes[] = [];
  for (const piece of pieces) {
    const used = decoder.decode(piece, (data, start, end) => parts.push(data.slice(start, end)));
    rest.push(piece.subarray(used));
  }
  return { data: concatBytes(parts), rest: concatBytes(rest), isDone: decoder.isDone };
}

Deno.test("chunks are taken apart, however they are cut on their way", () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 5 });
  fc.assert(fc.property(parts, fc.array(fc.nat(), { maxLength: 8 }), (datas, cuts) => {
    const encoder = new ChunkEncoder();
    const chunks = datas.map((data) => encoder.encode(new Uint8Array(data)));
    const next = bytesOf("GET / HTTP/1.1");
    const sent = concatBytes([...chunks, bytesOf(LAST_CHUNK), next]);
    const places = [0, ...cuts.map((cut) => cut % (sent.length + 1)), sent.length].sort((a, b) =>
      a - b
    );
    const pieces = places.slice(1).map((place, i) => sent.slice(places[i] ?? 0, place));
    const { data, rest, isDone } = decode(pieces);
    deepEqual(data, concatBytes(datas.map((each) => new Uint8Array(each))));
    equal(isDone, true);
    deepEqual(rest, next);
  }));
});

Deno.test("sizes in any case, extensions and trailers mean nothing", () => {
  const { data, isDone } = decode([
    bytesOf("A;x=y\r\n0123456789\r\n00 ; z\r\nX-Trailer: 1\r\n\r\n"),
  ]);
  equal(Buffer.from(data).toString(), "0123456789");
  equal(isDone, true);
});

for (
  const text of [
    "\r\n",
    "-1\r\n",
    "0x5\r\nhello\r\n",
    "5\nhello\r\n",
    "5 hello\r\n",
    "5\r\nhello",
    "5\r\nhellooo\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5 \r\nhello\r\n",
    "5;x\ny\r\nhello\r\n",
    "5;\0\r\nhello\r\n",
    "5\r\nhello\rX0\r\n\r\n",
    "ffffffffffffffffff\r\n",
    "0000000000005\r\n",
    "00\r\nhello\r\n\r\n",
    "0\r\nnonsense\r\n\r\n",
    "0\r\nX : 1\r\n\r\n",
    "0\r\nX: 1\nY: 2\r\n\r\n",
    "0\r\nX: \0\r\n\r\n",
    "0\r\n X: 1\r\n\r\n",
    "0\r\nContent-Length: 5\r\n\r\n",
    "0\r\ntransfer-encoding: chunked\r\n\r\n",
    "0\r\nX: 1\r\nHost: b\r\n\r\n",
    "0\r\nGET / HTTP/1.1\r\n\r\n",
    "1000000000000\r\n",
    `5;${"x".repeat(300)}\r\n`,
    `0\r\n${"X: 1\r\n".repeat(2000)}\r\n`,
  ]
) {
  Deno.test(`the chunks ${JSON.stringify(text.slice(0, 30))} are refused or not at their end`, () => {
    let isDone = false;
    const run = () => isDone = decode([bytesOf(text)]).isDone;
    if (text === "5\r\nhello") run();
    else throws(run, ParseError);
    equal(isDone, false);
  });
}
