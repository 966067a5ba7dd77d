import { deepEqual, equal, throws } from "node:assert/strict";
import {
  formatRetention,
  parseRetention,
  type RetentionPolicy,
} from "../../src/protocol/retention.ts";

const GOOD: readonly (readonly [string, RetentionPolicy])[] = [
  ["", {}],
  ["  ", {}],
  ["age=604800", { ageMs: 604_800_000 }],
  ["bytes=10737418240", { bytes: 10_737_418_240 }],
  ["messages=1", { messages: 1 }],
  ["to-snapshot", { toSnapshot: true }],
  [
    "to-snapshot,messages=1000 , bytes=5, age=1",
    { toSnapshot: true, messages: 1000, bytes: 5, ageMs: 1000 },
  ],
];

for (const [text, policy] of GOOD) {
  Deno.test(`Stream-Retention ${JSON.stringify(text)} is taken`, () => {
    deepEqual(parseRetention(text), policy);
  });
}

const BAD = [
  "age",
  "age=",
  "age=0",
  "age=-1",
  "age=1.5",
  "age=7d",
  "age=007",
  "age=3153600001",
  "bytes=9007199254740992",
  "bytes=99999999999999999999",
  "to-snapshot=1",
  "Age=1",
  "age=1,",
  ",",
  "age=1, age=2",
  "to-snapshot, to-snapshot",
  "days=1",
  "toString=1",
];

for (const text of BAD) {
  Deno.test(`Stream-Retention ${JSON.stringify(text)} is refused, with what would be right`, () => {
    throws(() => parseRetention(text), {
      code: "invalid_header",
      message: /^Stream-Retention ".*" has ".*"(?: twice)?: expected age=SECONDS/,
    });
  });
}

Deno.test("a retention's text is read as the same again", () => {
  const policy = { ageMs: 604_800_000, bytes: 10, messages: 3, toSnapshot: true } as const;
  equal(formatRetention(policy), "age=604800, bytes=10, messages=3, to-snapshot");
  deepEqual(parseRetention(formatRetention(policy)), policy);
  equal(formatRetention({}), "");
});
