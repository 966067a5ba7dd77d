import { equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { checkStreamName, parseStreamName } from "../../src/protocol/stream_name.ts";

const NAMES: readonly (readonly [string, string, string])[] = [
  ["a plain name is itself", "orders", "orders"],
  ["an encoded slash is a slash", "a%2Fb%2fc", "a/b/c"],
  ["two slashes make a name of its own", "a//b", "a//b"],
  ["a slash at the end is part of the name", "a/", "a/"],
  ["it is decoded once", "a%252Fb", "a%2Fb"],
  ["UTF-8 is decoded", "%E2%82%AC", "€"],
  ["a plus is a plus", "a+b", "a+b"],
  ["dots in a segment are fine", "...", "..."],
  ["dots beside letters are fine", "a/..b/c..", "a/..b/c.."],
  ["a name that begins like the reserved one is fine", "__dsx", "__dsx"],
  ["the reserved segment further down is fine", "a/__ds", "a/__ds"],
];

for (const [title, encoded, name] of NAMES) {
  Deno.test(`name: ${title}`, () => equal(parseStreamName(encoded), name));
}

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["nothing", "", /it is empty/],
  ["..", "..", /segment that is \. or \.\./],
  [".. in the middle", "a/../b", /segment that is/],
  [".. behind an encoded slash", "a%2F..", /segment that is/],
  ["encoded ..", "%2e%2E", /segment that is/],
  ["half encoded ..", "a/.%2e/b", /segment that is/],
  [".", "a/./b", /segment that is/],
  ["NUL", "a%00b", /control character/],
  ["a line break", "a%0d%0ab", /control character/],
  ["DEL", "a%7F", /control character/],
  ["a C1 control character", "a%C2%85", /control character/],
  ["bad percent-encoding", "a%zz", /percent-encoding is not UTF-8/],
  ["a cut percent-encoding", "a%e", /percent-encoding is not UTF-8/],
  ["a percent sign", "100%", /percent-encoding is not UTF-8/],
  ["encoded Latin-1", "caf%E9", /percent-encoding is not UTF-8/],
  ["an encoded half of a surrogate pair", "%ED%A0%80", /percent-encoding is not UTF-8/],
  ["an overlong slash", "a%C0%AFb", /percent-encoding is not UTF-8/],
  ["the reserved segment", "__ds", /first segment is __ds, which is reserved/],
  ["a name below the reserved segment", "__ds/streams", /reserved/],
  ["the reserved segment encoded", "%5F%5Fds%2Fstreams", /reserved/],
];

for (const [title, encoded, message] of REFUSED) {
  Deno.test(`name: ${title} is refused`, () => {
    throws(() => parseStreamName(encoded), { code: "invalid_name", message });
  });
}

Deno.test("name: the limit is 1,024 bytes of UTF-8, whatever the encoding in the URL", () => {
  equal(parseStreamName("a".repeat(1024)).length, 1024);
  equal(parseStreamName("%61".repeat(1024)).length, 1024);
  equal(parseStreamName(encodeURIComponent("€".repeat(341))).length, 341);
  throws(() => parseStreamName("a".repeat(1025)), { message: /longer than 1024 bytes of UTF-8/ });
  throws(() => parseStreamName(encodeURIComponent("€".repeat(342))), { code: "invalid_name" });
});

Deno.test("name: half of a surrogate pair is refused", () => {
  throws(() => checkStreamName("a\ud800"), { code: "invalid_name", message: /surrogate pair/ });
});

Deno.test("name: a refusal quotes and cuts what it was given", () => {
  throws(() => parseStreamName(`%0a${"a".repeat(500)}`), {
    message: /^The stream name "\\na{79}…" can't be used: it holds a control character\.$/,
  });
});

Deno.test("names, any that is allowed: encoded whole or by segments they are the same stream", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter((value) => {
    try {
      return checkStreamName(value) === value;
    } catch {
      return false;
    }
  });
  fc.assert(fc.property(name, (value) => {
    equal(parseStreamName(encodeURIComponent(value)), value);
    equal(parseStreamName(value.split("/").map(encodeURIComponent).join("/")), value);
  }));
});
