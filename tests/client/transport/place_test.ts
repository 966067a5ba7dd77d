import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { formatPlace, parsePlace } from "../../../src/client/transport/place.ts";
import { failed } from "../../support/client/producer_fixture.ts";

Deno.test("a place at an offset is the plain offset", () => {
  equal(formatPlace({ offset: "00000000000000000042", skip: 0 }), "00000000000000000042");
  equal(parsePlace("00000000000000000042"), { offset: "00000000000000000042", skip: 0 });
});

Deno.test("every place comes back from its token", () => {
  const offsets = fc.constantFrom("-1", "0_7", "00000000000000000042", "abc.def~x");
  fc.assert(fc.property(offsets, fc.nat(), (offset, skip) => {
    equal(parsePlace(formatPlace({ offset, skip })), { offset, skip });
  }));
});

Deno.test("the empty token is the start, and now is now", () => {
  equal(parsePlace(""), { offset: "-1", skip: 0 });
  equal(parsePlace("now"), { offset: "now", skip: 0 });
});

Deno.test("malformed tokens are rejected with what would be right", async () => {
  for (
    const token of ["a b", "a,b", "a?b", "a=b", "a&b", "a/", "a/0", "a/-1", "a/1/2", "/1", "now/1"]
  ) {
    const parsed = Promise.resolve().then(() => parsePlace(token));
    await failed(parsed, "invalid_argument", /expected one that was given, -1/);
  }
});
