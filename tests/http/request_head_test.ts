import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { ParseError } from "../../src/http/parse_error.ts";
import { couldBeHead, parseHead } from "../../src/http/request_head.ts";

function head(...lines: string[]): string {
  return lines.join("\r\n");
}

function refusedWith(status: number, text: string): void {
  throws(
    () => parseHead(text),
    (error) => error instanceof ParseError && error.status === status,
    text,
  );
}

Deno.test("a head: its method, target, headers by name in lower case, and the body's length", () => {
  const parsed = parseHead(head(
    "POST /v1/stream/a?x=1 HTTP/1.1",
    "Host: localhost:4437",
    "Content-TYPE:text/plain",
    "X-Blank: \t a b \t",
    "X-Empty:",
    "content-length: 12",
  ));
  equal(parsed.method, "POST");
  equal(parsed.target, "/v1/stream/a?x=1");
  equal(parsed.headers.get("content-type"), "text/plain");
  equal(parsed.headers.get("x-blank"), "a b");
  equal(parsed.headers.get("x-empty"), "");
  equal(parsed.headers.get("x-none"), null);
  equal(parsed.bodyBytes, 12);
  deepEqual([parsed.isHttp11, parsed.keepsAlive, parsed.expectsContinue], [true, true, false]);
});

Deno.test("a header that comes several times is one list", () => {
  const { headers } = parseHead(head("GET / HTTP/1.1", "Host: a", "X: 1", "x: 2"));
  equal(headers.get("x"), "1, 2");
});

Deno.test("each byte of a value is a character", () => {
  const { headers } = parseHead(head("GET / HTTP/1.1", "Host: a", "X: caf\xe9\xa0"));
  equal(headers.get("x"), "caf\xe9\xa0");
});

Deno.test("a body in chunks has no length before it ends", () => {
  const chunked = head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: Chunked");
  equal(parseHead(chunked).bodyBytes, undefined);
});

Deno.test("connections stay open as their version and their headers say", () => {
  const keeps = (version: string, ...more: string[]) =>
    parseHead(head(`GET / ${version}`, "Host: a", ...more)).keepsAlive;
  equal(keeps("HTTP/1.1"), true);
  equal(keeps("HTTP/1.1", "Connection: Close"), false);
  equal(keeps("HTTP/1.1", "Connection: keep-alive, close"), false);
  equal(keeps("HTTP/1.1", "Connection: upgrade"), true);
  equal(keeps("HTTP/1.0"), false);
  equal(keeps("HTTP/1.0", "Connection: Keep-Alive"), true);
});

Deno.test("100-continue is expected by HTTP/1.1 only, and nothing else may be", () => {
  const expects = (version: string, value: string) =>
    parseHead(head(`POST / ${version}`, "Host: a", `Expect: ${value}`)).expectsContinue;
  equal(expects("HTTP/1.1", "100-Continue"), true);
  equal(expects("HTTP/1.0", "100-continue"), false);
  refusedWith(417, head("POST / HTTP/1.1", "Host: a", "Expect: 200-ok"));
});

for (
  const line of [
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    " GET / HTTP/1.1",
    "GET /",
    "GET / x HTTP/1.1",
    "GET /\t HTTP/1.1",
    "G\xcbT / HTTP/1.1",
    "GET / HTTP/1.1\nX: 1",
    "GET / HTTP/11",
    "GET / http/1.1",
    "",
  ]
) {
  Deno.test(`the first line ${JSON.stringify(line)} is refused`, () => {
    refusedWith(400, head(line, "Host: a"));
  });
}

Deno.test("other versions of HTTP are named", () => {
  refusedWith(505, head("GET / HTTP/2.0", "Host: a"));
  refusedWith(505, head("GET / HTTP/0.9", "Host: a"));
});

for (
  const [what, ...lines] of [
    ["a space before the colon", "Host: a", "Content-Length : 5"],
    ["a line that goes on", "Host: a", "X: 1", " Content-Length: 5"],
    ["no colon", "Host: a", "nonsense"],
    ["no name", "Host: a", ": 1"],
    ["a bare LF", "Host: a", "X: 1\nContent-Length: 5"],
    ["a bare CR", "Host: a", "X: 1\rContent-Length: 5"],
    ["a NUL", "Host: a", "X: a\0b"],
    ["a name that is no token", "Host: a", "X(): 1"],
    ["no Host", "X: 1"],
    ["two Hosts", "Host: a", "Host: a"],
    ["two lengths", "Host: a", "Content-Length: 5", "Content-Length: 5"],
    ["a list of lengths", "Host: a", "Content-Length: 5, 5"],
    ["a signed length", "Host: a", "Content-Length: +5"],
    ["a length in hex", "Host: a", "Content-Length: 0x5"],
    ["a length with a blank that is none", "Host: a", "Content-Length: 5\xa0"],
    ["an empty length", "Host: a", "Content-Length:"],
    ["a length without end", "Host: a", "Content-Length: 9999999999999999"],
    ["a length beside chunks", "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked"],
    ["chunks twice", "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
  ] as const
) {
  Deno.test(`a head with ${what} is refused`, () => {
    refusedWith(400, head("POST / HTTP/1.1", ...lines));
  });
}

Deno.test("encodings that aren't understood are refused, and any of HTTP/1.0", () => {
  for (const encoding of ["gzip", "gzip, chunked", "chunked, gzip", "chunked;q=1", "identity"]) {
    refusedWith(501, head("POST / HTTP/1.1", "Host: a", `Transfer-Encoding: ${encoding}`));
  }
  refusedWith(400, head("POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked"));
});

Deno.test("a head has at most 100 headers", () => {
  const fields = (count: number) => Array.from({ length: count - 1 }, (_, i) => `X-${i}: 1`);
  equal(parseHead(head("GET / HTTP/1.1", "Host: a", ...fields(100))).headers.size, 100);
  refusedWith(431, head("GET / HTTP/1.1", "Host: a", ...fields(101)));
});

Deno.test("every beginning of a head could be one", () => {
  const text = head("DELETE /v1/stream/a?b HTTP/1.1", "Host: a", "X: 1");
  for (let end = 0; end <= text.length; end++) ok(couldBeHead(text.slice(0, end)), String(end));
});

Deno.test("text that isn't HTTP could not", () => {
  for (
    const text of [
      "{",
      "GET\t",
      "GET / FTP",
      "GET / HTTP/1.1\n",
      "\x16\x03\x01",
      "GET / x HT",
      " ",
      " D",
    ]
  ) {
    equal(couldBeHead(text), false, text);
  }
});
