import { Buffer } from "node:buffer";
import { equal, throws } from "node:assert/strict";
import { HeadReader } from "../../src/http/head_reader.ts";
import { ParseError } from "../../src/http/parse_error.ts";
import type { RequestHead } from "../../src/http/request_head.ts";

const LIMIT_BYTES = 16 * 1024;

function headOf(version: string, ...fields: string[]): string {
  return [`GET /x ${version}`, ...fields, "", ""].join("\r\n");
}

/** The head of a text that more follows and that doesn't begin its input, by one reader or by a new one. */
function read(text: string, reader = new HeadReader()): RequestHead {
  const before = "before";
  const head = reader.read(Buffer.from(`${before}${text}GET /y`), before.length, LIMIT_BYTES);
  equal(reader.end, before.length + text.length);
  if (head === undefined) throw new Error(`no head in ${text}`);
  return head;
}

function rejects(text: string, reader?: HeadReader): void {
  throws(() => read(text, reader), (error) => error instanceof ParseError && error.status === 400);
}

Deno.test("the fields of the request before mean the same again, in their version, and bad ones never do", () => {
  const kept = ["Host: a", "Content-Length: 3"];
  const broken = ["Host: a", "Content-Length: x"];
  const one = new HeadReader();
  for (const reader of [undefined, one]) {
    for (let round = 0; round < 3; round++) {
      equal(read(headOf("HTTP/1.1", ...kept), reader).bodyBytes, 3);
      equal(read(headOf("HTTP/1.1", ...kept), reader).keepsAlive, true);
      equal(read(headOf("HTTP/1.0", ...kept), reader).keepsAlive, false);
      rejects(headOf("HTTP/1.1", ...broken), reader);
      rejects(headOf("HTTP/1.1", ...broken), reader);
      equal(read(headOf("HTTP/1.0", "X: 1"), reader).headers.get("x"), "1");
      rejects(headOf("HTTP/1.1", "X: 1"), reader);
      equal(read(headOf("HTTP/1.0"), reader).headers.size, 0);
      rejects(headOf("HTTP/1.1"), reader);
      // Of one without fields there is nothing to know.
      rejects("GET / HTTP/1.0\r\nET /x HTTP/1.0\r\n\r\n", reader);
      // It ends like the ones before, and begins like them.
      equal(read(headOf("HTTP/1.0", "X: 1", "X: 1"), reader).headers.get("x"), "1, 1");
      equal(read(headOf("HTTP/1.1", ...kept, "X: 2"), reader).headers.get("x"), "2");
    }
  }
});

Deno.test("fields that are known are those of each connection, and the line is read anew", () => {
  const [one, other] = [new HeadReader(), new HeadReader()];
  const of = (line: string, token: string) => `${line}\r\nHost: a\r\nX: ${token}\r\n\r\n`;
  for (let i = 0; i < 3; i++) {
    const head = read(of(`PUT /a${i} HTTP/1.1`, "one"), one);
    equal(head.headers.get("x"), "one");
    equal(`${head.method} ${head.target}`, `PUT /a${i}`);
    equal(read(of("GET / HTTP/1.1", "two"), other).headers.get("x"), "two");
    rejects(of("GET  HTTP/1.1", "one"), one);
    rejects(of("GET / HTTP/1.1 ", "one"), one);
    rejects(of("GET /\tx HTTP/1.1", "one"), one);
  }
  const again = (reader: HeadReader, token: string) => read(of("GET / HTTP/1.1", token), reader);
  equal(again(one, "one").headers, again(one, "one").headers);
  equal(again(new HeadReader(), "two").headers, again(new HeadReader(), "two").headers);
  again(other, "other");
  equal(again(one, "one").headers === again(other, "one").headers, false);
  one.forget();
  equal(read(of("GET / HTTP/1.1", "one"), one).headers.get("x"), "one");
});

Deno.test("of a long head a connection keeps nothing, whether its fields are long or its target is", () => {
  const isKept = (targetChars: number, fieldChars: number) => {
    const reader = new HeadReader();
    const line = `GET /${"t".repeat(targetChars)} HTTP/1.1`;
    const text = `${line}\r\nHost: a\r\nX: ${"x".repeat(fieldChars)}\r\n\r\n`;
    const { headers } = read(text, reader);
    read(headOf("HTTP/1.1", "Host: other"));
    return read(text, reader).headers === headers;
  };
  equal(isKept(100, 1000), true);
  equal(isKept(100, 3000), false);
  equal(isKept(3000, 100), false);
});

Deno.test("what was read may be written over afterwards", () => {
  const reader = new HeadReader();
  const text = headOf("HTTP/1.1", "Host: a", "X: 1");
  const input = Buffer.from(text);
  equal(reader.read(input, 0, LIMIT_BYTES)?.headers.get("x"), "1");
  input.write("2", text.indexOf("X: 1") + 3);
  equal(reader.read(input, 0, LIMIT_BYTES)?.headers.get("x"), "2");
  equal(reader.read(Buffer.from(text), 0, LIMIT_BYTES)?.headers.get("x"), "1");
});

Deno.test("a head is read once all of it is here, and only as far as the limit", () => {
  const long = headOf("HTTP/1.1", "Host: a", `X: ${"x".repeat(9000)}`);
  for (const text of [headOf("HTTP/1.1", "Host: a"), long]) {
    const reader = new HeadReader();
    const bytes = Buffer.from(text);
    const without = text.length - 4;
    for (let round = 0; round < 2; round++) {
      for (const part of [text.length - 1, without, 10, 0]) {
        equal(reader.read(bytes.subarray(0, part), 0, LIMIT_BYTES), undefined);
      }
      equal(reader.read(bytes, 0, without - 1), undefined);
      equal(reader.read(bytes, 0, without)?.target, "/x");
    }
  }
});
