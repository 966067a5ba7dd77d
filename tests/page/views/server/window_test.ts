import { deepEqual, equal } from "node:assert/strict";
import {
  comparisonData,
  comparisonOf,
  withRates,
} from "../../../../src/page/views/server/compare_store.ts";
import {
  largest,
  newest,
  NO_FIGURES,
  withSample,
} from "../../../../src/page/views/server/window.ts";

Deno.test("the window keeps five minutes of seconds, and a day gets each minute's mean", () => {
  let window = NO_FIGURES;
  for (let second = 0; second <= 600; second++) {
    window = withSample(window, { t: second * 1000, series: { appends: second, bytes: null } });
  }
  equal(window.minutes.t.length, 300);
  deepEqual([window.minutes.t[0], window.minutes.t.at(-1)], [301_000, 600_000]);
  equal(window.minutes.series.appends?.at(-1), 600);
  deepEqual(window.day.t, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((minute) => minute * 60_000));
  equal(window.day.series.appends?.[0], 30.5);
  equal(window.day.series.bytes?.[0], null);
});

Deno.test("a figure that comes later is unknown before", () => {
  const first = withSample(NO_FIGURES, { t: 0, series: { appends: 1 } });
  const { series } = withSample(first, { t: 1000, series: { readers: 2 } }).minutes;
  deepEqual(series, { appends: [1, null], readers: [null, 2] });
});

Deno.test("the newest and the largest value pass over what isn't known", () => {
  deepEqual([newest([1, 5, 2, null]), largest([1, 5, 2, null])], [2, 5]);
  deepEqual([newest([null]), largest([])], [undefined, undefined]);
});

Deno.test("streams are compared from when they were chosen on, whatever their names are", () => {
  const rates = JSON.parse(
    '{"__proto__":{"tail":"x","bytesPerS":7},"b":{"tail":"y","bytesPerS":1}}',
  );
  let comparison = comparisonOf(["__proto__", "b"]);
  comparison = withRates(comparison, { t: 1, series: {} });
  comparison = withRates(comparison, { t: 2, series: {}, rates });
  comparison = withRates(comparison, { t: 3, series: {}, rates: {} });
  const { t, lines } = comparisonData(comparison);
  deepEqual(t, [2, 3]);
  deepEqual(lines.map(({ label, values }) => [label, values]), [
    ["__proto__", [7, null]],
    ["b", [1, null]],
  ]);
});
