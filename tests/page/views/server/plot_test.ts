import { deepEqual } from "node:assert/strict";
import {
  loneIndexes,
  type PlotData,
  scaleOf,
  type StepKind,
} from "../../../../src/page/views/server/plot.ts";

/** A second apart, up to a full hour of the reader's own zone. */
function dataOf(...values: (number | null)[]): PlotData {
  const endMs = new Date(2030, 0, 1, 12).getTime();
  const t = values.map((_, index) => endMs - (values.length - 1 - index) * 1000);
  return { t, lines: [{ label: "x", color: 1, values }] };
}

/** The ticks of a scale that has to hold a value. */
function ticksFor(most: number, kind: StepKind): readonly number[] {
  return scaleOf(dataOf(0, most), 60_000, kind).ticks;
}

Deno.test("a scale begins at zero, holds every value, and has few round steps", () => {
  deepEqual(ticksFor(0, "decimal"), [0, 0.5]);
  deepEqual(ticksFor(7, "decimal"), [0, 5, 10]);
  deepEqual(ticksFor(100, "decimal"), [0, 50, 100]);
  deepEqual(ticksFor(0.03, "decimal"), [0, 0.01, 0.02, 0.03]);
  deepEqual(ticksFor(0, "binary"), [0, 1]);
  deepEqual(ticksFor(3000, "binary"), [0, 1024, 2048, 3072]);
});

Deno.test("times are whole ones of the reader's zone, within what is shown", () => {
  const data = dataOf(1);
  const minutes = scaleOf(data, 5 * 60_000, "decimal");
  deepEqual(minutes.times.map((time) => (minutes.toMs - time) / 60_000), [5, 4, 3, 2, 1, 0]);
  const day = scaleOf(data, 24 * 3_600_000, "decimal");
  deepEqual(day.times.map((time) => new Date(time).getHours()), [12, 18, 0, 6, 12]);
});

Deno.test("values that stand alone are told apart from those that a line joins", () => {
  deepEqual(loneIndexes([1, null, 2, 3, null, 0]), [0, 5]);
  deepEqual(loneIndexes([null, 7]), [1]);
  deepEqual(loneIndexes([]), []);
});
