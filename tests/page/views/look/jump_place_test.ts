import { deepEqual, equal } from "node:assert/strict";
import { placeOf } from "../../../../src/page/views/look/jump_place.ts";

const NOW = new Date(2030, 0, 31, 12, 0).getTime();

function timeOf(...parts: [number, number, number, number, number, number]) {
  return { time: new Date(...parts).toISOString() };
}

Deno.test("an hour and a minute are the last ones that there were", () => {
  deepEqual(placeOf("11:59", NOW), timeOf(2030, 0, 31, 11, 59, 0));
  deepEqual(placeOf("12:00", NOW), timeOf(2030, 0, 31, 12, 0, 0));
  deepEqual(placeOf("12:00:01", NOW), timeOf(2030, 0, 30, 12, 0, 1));
  deepEqual(placeOf("9:05", NOW), timeOf(2030, 0, 31, 9, 5, 0));
});

Deno.test("an offset, the start and a whole time are places, and nothing else is", () => {
  deepEqual(placeOf("-1", NOW), { offset: "-1" });
  deepEqual(placeOf("01mglzqi-0000000000000042", NOW), { offset: "01mglzqi-0000000000000042" });
  deepEqual(placeOf("2030-01-31T12:00:00Z", NOW), { time: "2030-01-31T12:00:00.000Z" });
  for (const text of ["", "24:00", "12:60", "soon", "shop 7", "7", "2030-13-01"]) {
    equal(placeOf(text, NOW), undefined);
  }
});
