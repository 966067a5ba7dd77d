import { equal, throws } from "node:assert/strict";
import {
  checkContentType,
  essence,
  isCompressibleType,
  isJsonType,
  sameContentType,
  sseEncoding,
} from "../../src/protocol/content_type.ts";

const VALID = [
  "text/plain",
  "Text/Plain; charset=utf-8",
  "application/vnd.api+json",
  'multipart/mixed;boundary="a b"',
  "a/b;c=d;e=f",
  "a/b;",
];

for (const value of VALID) {
  Deno.test(`content type ${JSON.stringify(value)} is kept as it is`, () => {
    equal(checkContentType(value), value);
  });
}

const INVALID = [
  "",
  "text",
  "text/",
  "/plain",
  "text/plain/x",
  "text/plain; charset",
  "text/plain, text/html",
  "text /plain",
  "text/plän",
  "text/plain\r\nx: y",
  `a/${"b".repeat(255)}`,
];

for (const value of INVALID) {
  Deno.test(`content type ${JSON.stringify(value.slice(0, 30))} is refused`, () => {
    throws(() => checkContentType(value), {
      code: "invalid_header",
      message: /^Content-Type ".*" is not a media type: expected type\/subtype/,
    });
  });
}

Deno.test("a hostile content type is refused in no time", () => {
  throws(() => checkContentType(`a/b${" ".repeat(100_000)}`), { code: "invalid_header" });
  throws(() => checkContentType(`a/b${"; ".repeat(126)}`), { code: "invalid_header" });
});

Deno.test("content types are compared without case and parameters", () => {
  equal(sameContentType("text/plain", "TEXT/Plain ; charset=utf-8"), true);
  equal(sameContentType("text/plain", "text/html"), false);
  equal(essence(" Text/HTML ;a=b"), "text/html");
});

const MODES: readonly (readonly [string, boolean, "text" | "base64"])[] = [
  ["application/json", true, "text"],
  ["Application/JSON; charset=utf-8", true, "text"],
  ["application/vnd.api+json", true, "base64"],
  ["text/x+json", true, "text"],
  ["application/ndjson", false, "base64"],
  ["application/jsonx", false, "base64"],
  ["text/plain", false, "text"],
  ["TEXT/event-stream", false, "text"],
  ["application/octet-stream", false, "base64"],
  ["image/svg+xml", false, "base64"],
  ["textual/plain", false, "base64"],
];

for (const [type, json, encoding] of MODES) {
  Deno.test(`${type} is ${json ? "" : "not "}JSON mode and goes as ${encoding} over SSE`, () => {
    equal(isJsonType(type), json);
    equal(sseEncoding(type), encoding);
  });
}

const COMPRESSIBLE: readonly (readonly [string, boolean])[] = [
  ["text/plain; charset=utf-8", true],
  ["TEXT/CSV", true],
  ["application/json", true],
  ["Application/JSON; charset=utf-8", true],
  ["application/vnd.api+json", true],
  ["application/xml", true],
  ["image/svg+xml", true],
  ["application/javascript", true],
  ["application/x-ndjson", true],
  ["application/geo+json-seq", true],
  ["application/octet-stream", false],
  ["application/gzip", false],
  ["application/json+gzip", false],
  ["image/png", false],
  ["video/mp4", false],
  ["application/x-text/plain", false],
];

for (const [type, is] of COMPRESSIBLE) {
  Deno.test(`${type} ${is ? "is" : "isn't"} text that compresses well`, () => {
    equal(isCompressibleType(type), is);
  });
}
