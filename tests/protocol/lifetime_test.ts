import { deepEqual, equal, throws } from "node:assert/strict";
import { expiryMs, FOREVER, parseLifetime, sameLifetime } from "../../src/protocol/lifetime.ts";

Deno.test("neither TTL nor expiry: nothing is asked for", () => {
  equal(parseLifetime(null, null), undefined);
});

for (const value of ["0", "1", "3600", "3153600000"]) {
  Deno.test(`Stream-TTL ${value} is taken`, () => {
    deepEqual(parseLifetime(value, null), { kind: "ttl", ttlSeconds: Number(value) });
  });
}

const BAD_TTLS = [
  "",
  "+3600",
  "-1",
  "03600",
  "00",
  "3600.0",
  "3.6e3",
  "0x10",
  "1 ",
  "abc",
  "3153600001",
  "99999999999999999999999",
  "9".repeat(400),
];

for (const value of BAD_TTLS) {
  Deno.test(`Stream-TTL ${JSON.stringify(value.slice(0, 30))} is refused`, () => {
    throws(() => parseLifetime(value, null), {
      code: "invalid_header",
      message: /^Stream-TTL ".*" is not a number of seconds: expected a decimal integer from 0/,
    });
  });
}

const TIMES: readonly (readonly [string, string])[] = [
  ["2030-01-31T12:00:00Z", "2030-01-31T12:00:00.000Z"],
  ["2030-01-31t12:00:00z", "2030-01-31T12:00:00.000Z"],
  ["2030-01-31T12:00:00.5Z", "2030-01-31T12:00:00.500Z"],
  ["2030-01-31T12:00:00.123456789Z", "2030-01-31T12:00:00.123Z"],
  ["2030-01-31T12:00:00+02:00", "2030-01-31T10:00:00.000Z"],
  ["2030-01-31T12:00:00-00:30", "2030-01-31T12:30:00.000Z"],
  ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
];

for (const [value, iso] of TIMES) {
  Deno.test(`Stream-Expires-At ${value} is ${iso}`, () => {
    deepEqual(parseLifetime(null, value), { kind: "until", expiresAtMs: Date.parse(iso) });
  });
}

const BAD_TIMES = [
  "",
  "tomorrow",
  "2030-01-31",
  "2030-01-31T12:00:00",
  "2030-01-31 12:00:00Z",
  "2030-01-31T12:00Z",
  "2030-02-30T12:00:00Z",
  "2029-02-29T12:00:00Z",
  "2030-13-01T12:00:00Z",
  "2030-00-01T12:00:00Z",
  "2030-01-00T12:00:00Z",
  "2030-01-31T24:00:00Z",
  "2030-01-31T12:60:00Z",
  "2030-01-31T12:00:61Z",
  "2030-01-31T12:00:00+24:00",
  "2030-01-31T12:00:00+02:60",
  "2030-01-31T12:00:00+0200",
  "2030-01-31T12:00:00.Z",
  "+002030-01-31T12:00:00Z",
  "1900000000",
  "Thu, 31 Jan 2030 12:00:00 GMT",
];

for (const value of BAD_TIMES) {
  Deno.test(`Stream-Expires-At ${JSON.stringify(value)} is refused`, () => {
    throws(() => parseLifetime(null, value), {
      code: "invalid_header",
      message: /^Stream-Expires-At ".*" is not an RFC 3339 time such as 2030-01-31T12:00:00Z\.$/,
    });
  });
}

Deno.test("TTL and expiry together are refused, whether they are valid or not", () => {
  throws(() => parseLifetime("60", "2030-01-31T12:00:00Z"), { code: "invalid_header" });
  throws(() => parseLifetime("x", "y"), { code: "invalid_header", message: /both given/ });
});

Deno.test("a TTL counts from the last use, an expiry stands, and nothing never ends", () => {
  equal(expiryMs({ kind: "ttl", ttlSeconds: 60 }, 1000), 61_000);
  equal(expiryMs({ kind: "until", expiresAtMs: 5000 }, 1000), 5000);
  equal(expiryMs(FOREVER, 1000), Infinity);
});

Deno.test("two lifetimes are the same where kind and value are", () => {
  const minute = { kind: "ttl", ttlSeconds: 60 } as const;
  const until = { kind: "until", expiresAtMs: 60 } as const;
  equal(sameLifetime(minute, { ...minute }), true);
  equal(sameLifetime(minute, { ...minute, ttlSeconds: 61 }), false);
  equal(sameLifetime(until, { ...until }), true);
  equal(sameLifetime(until, { ...until, expiresAtMs: 61 }), false);
  equal(sameLifetime(FOREVER, { kind: "forever" }), true);
  equal(sameLifetime(minute, until), false);
  equal(sameLifetime(until, FOREVER), false);
  equal(sameLifetime(FOREVER, minute), false);
});
