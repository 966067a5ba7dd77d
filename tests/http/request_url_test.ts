import { equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { ParseError } from "../../src/http/parse_error.ts";
import { RequestUrls } from "../../src/http/request_url.ts";

const urls = new RequestUrls();

function refused(target: string, host: string): void {
  throws(() => urls.of(target, host), ParseError, `${target} ${host}`);
}

Deno.test("a request's URL is its host and its target", () => {
  equal(
    urls.of("/v1/stream/a?offset=-1", "localhost:4437"),
    "http://localhost:4437/v1/stream/a?offset=-1",
  );
  equal(urls.of("/", "[::1]:80"), "http://[::1]/");
  equal(urls.of("/", "EXAMPLE.com"), "http://example.com/");
  equal(urls.of("/", null), "http://localhost/");
  equal(urls.of("*", "a"), "http://a/*");
});

Deno.test("over TLS a request's URL begins with https, and its port is another one by itself", () => {
  const encrypted = new RequestUrls(true);
  equal(encrypted.of("/a", "localhost:4437"), "https://localhost:4437/a");
  equal(encrypted.of("/a", "localhost:443"), "https://localhost/a");
});

Deno.test("a whole URL as the target names the host that Host does", () => {
  equal(urls.of("HTTP://b:81/x/../y", "B:81"), "http://b:81/y");
  equal(urls.of("http://b:80/", "b"), "http://b/");
  equal(urls.of("https://b/", "b:443"), "https://b/");
  equal(urls.of("http://b/", null), "http://b/");
  refused("http://b/", "a");
  refused("http://b/", "b:81");
  refused("http://b/", "b,b");
  refused("http://u@b/", "b");
});

Deno.test("a target means what the URL standard makes of it", () => {
  const piece = fc.constantFrom(
    "a",
    "/",
    ".",
    "..",
    "%2e",
    "%",
    "?",
    "#",
    "\\",
    "é",
    "~",
    "|",
    '"',
    "//",
    ":",
    "@",
  );
  const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);
  fc.assert(
    fc.property(target, (text) => {
      const expected = new URL(`http://h:1${text}`);
      expected.hash = "";
      equal(urls.of(text, "h:1"), expected.href);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a Host that is no host is rejected", () => {
  for (
    const host of [
      "",
      "a b",
      "a/b",
      "u@h",
      "a?b",
      "a#b",
      "a:99999",
      "[::1",
      "a\\b",
      "a,b",
      "a:b",
      ":80",
      "a:80:80",
      "[a",
      "[::1]x",
      "h\xe9",
      "a%00",
      "a;b",
    ]
  ) {
    refused("/", host);
  }
});

Deno.test("a target that is none is rejected", () => {
  for (const target of ["a:443", "a", "ftp://a/", "http://"]) refused(target, "a");
});
