import { deepEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { StreamError } from "../../src/protocol/errors.ts";
import {
  formatLiveEventId,
  type LivePlace,
  parseLiveEventId,
} from "../../src/protocol/live_event_id.ts";
import { OFFSET_SPACES } from "../../src/protocol/offset.ts";

const offset = fc.record({
  space: fc.integer({ min: 0, max: OFFSET_SPACES - 1 }),
  position: fc.maxSafeNat(),
});
const place = fc.oneof(
  offset,
  fc.constantFrom<LivePlace>("not begun", "ended"),
);
const other = fc.record({
  name: fc.string({ unit: "grapheme", minLength: 1 }),
  place: offset,
  hasEnded: fc.boolean(),
});

Deno.test("an id of a set comes back as it was", () => {
  fc.assert(fc.property(fc.array(place), fc.array(other), (places, others) => {
    const id = formatLiveEventId({ places, others });
    deepEqual(parseLiveEventId(id, places.length), { places, others });
  }));
});

Deno.test("fifty streams take some 400 characters", () => {
  const places = Array.from({ length: 50 }, (_, i) => ({ space: 60_466_176 + i, position: 9_999 }));
  const { length } = formatLiveEventId({ places, others: [] });
  ok(length < 420, `${length} characters`);
});

Deno.test("what isn't an id of this set is refused, and never a defect", () => {
  const id = formatLiveEventId({ places: ["ended", { space: 1, position: 2 }], others: [] });
  const isRefused = (error: unknown) =>
    error instanceof StreamError && error.code === "invalid_offset";
  throws(() => parseLiveEventId(id, 1), isRefused);
  throws(() => parseLiveEventId(id.slice(0, -2), 2), isRefused);
  throws(() => parseLiveEventId(`${id}AA`, 2), isRefused);
  fc.assert(fc.property(fc.uint8Array(), fc.nat(5), (bytes, streams) => {
    try {
      parseLiveEventId(btoa(String.fromCharCode(...bytes)), streams);
    } catch (error) {
      ok(isRefused(error));
    }
  }));
});
