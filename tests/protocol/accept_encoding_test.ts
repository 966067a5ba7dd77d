import { equal } from "node:assert/strict";
import { prefersGzip } from "../../src/protocol/accept_encoding.ts";

const CASES: readonly (readonly [string, boolean])[] = [
  ["gzip", true],
  ["GZIP", true],
  ["x-gzip", true],
  ["gzip, deflate, br, zstd", true],
  ["br,gzip", true],
  ["  gzip ;  q=0.5 ", true],
  ["gzip;q=1.000", true],
  ["gzip;Q=0.001", true],
  ["*", true],
  ["*;q=0.1", true],
  ["br;q=1, *;q=0.5", true],
  ["identity;q=0.5, gzip;q=0.5", true],
  ["identity;q=0, *", true],
  ["identity;q=0, gzip", true],
  ["gzip;q=0", false],
  ["gzip;q=0.000, *", false],
  ["*;q=0", false],
  ["", false],
  ["identity", false],
  ["br, zstd, deflate", false],
  ["gzip;q=0.4, identity;q=0.5", false],
  ["gzip;q=0.9, identity", false],
  ["gzipped", false],
  // Malformed weights.
  ["gzip;q=2", false],
  ["gzip;q=-1", false],
  ["gzip;q=0.0001", false],
  ["gzip;q", false],
  ["gzip;level=9", false],
  [",,;q=1,", false],
];

for (const [value, prefers] of CASES) {
  Deno.test(`Accept-Encoding ${JSON.stringify(value)}: ${prefers ? "gzip" : "as it is"}`, () => {
    equal(prefersGzip(value), prefers);
  });
}
