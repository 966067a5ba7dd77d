import { deepEqual, equal, ok } from "node:assert/strict";
import { Histogram } from "../../../src/metrics/histogram.ts";
import { addThreads, type Counts, quantile } from "../../../src/server/figures/counts.ts";
import { pointBetween } from "../../../src/server/figures/point.ts";
import { Recorder, Ticker } from "../../../src/server/figures/recorder.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** The rings behind the page's charts. */

function counts(atMs: number, more: Partial<Counts> = {}): Counts {
  return {
    atMs,
    appends: 0,
    appendedBytes: 0,
    changes: 0,
    syncSeconds: undefined,
    checkpointSeconds: undefined,
    logBytes: undefined,
    memoryBytes: 1,
    readers: 0,
    connections: undefined,
    errors: 0,
    failures: 0,
    ...more,
  };
}

Deno.test("a day of figures takes less than 200 KB, and no more after a week", () => {
  const clock = new ManualClock();
  const recorder = new Recorder(clock, undefined);
  equal(clock.pendingTimers, 0);
  recorder.start(() => counts(clock.nowMs()));
  equal(clock.pendingTimers, 1, "one timer");
  ok(recorder.bytes < 200_000, `${recorder.bytes} bytes`);
  const before = recorder.bytes;
  clock.advance(3 * 24 * 3_600_000);
  equal(recorder.bytes, before);
  equal(clock.pendingTimers, 1);
  const { minutes, day } = recorder.history(0);
  deepEqual([minutes.t.length, day.t.length], [300, 1440]);
  equal(minutes.t.at(-1), clock.nowMs());
  equal((minutes.t.at(-1) ?? 0) - (minutes.t[0] ?? 0), 299_000);
  equal((day.t.at(-1) ?? 0) - (day.t[0] ?? 0), 1439 * 60_000);
});

Deno.test("the recorder's timer ends with its signal", () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  new Recorder(clock, stop.signal).start(() => counts(clock.nowMs()));
  stop.abort();
  equal(clock.pendingTimers, 0);
});

Deno.test("counts that can't be taken cost a second's figures, and not those after it", () => {
  const clock = new ManualClock();
  const recorder = new Recorder(clock, undefined);
  let isBroken = false;
  recorder.start(() => {
    if (isBroken) throw new Error("no counts");
    return counts(clock.nowMs());
  });
  clock.advance(2000);
  isBroken = true;
  clock.advance(3000);
  isBroken = false;
  clock.advance(2000);
  equal(recorder.history(0).minutes.t.length, 4);
});

Deno.test("a point has what was between two counts: rates, latencies and what is so now", () => {
  const syncs = new Histogram([0.001, 0.01, 0.1]);
  syncs.observe(0.05, 100);
  const before = counts(1000, { appends: 5, errors: 1, syncSeconds: syncs.value });
  for (const [seconds, count] of [[0.0005, 98], [0.05, 2]] as const) syncs.observe(seconds, count);
  const now = counts(3000, {
    appends: 25,
    appendedBytes: 301,
    errors: 7,
    failures: 4,
    syncSeconds: syncs.value,
    readers: 3,
    logBytes: 7,
  });
  const { t, values } = pointBetween(before, now);
  equal(t, 3000);
  deepEqual(
    [values.appends, values.bytes, values.readers, values.logBytes],
    [10, 150.5, 3, 7],
  );
  deepEqual([values.errors, values.failures], [3, 2]);
  deepEqual([values.syncP50Ms, values.syncP99Ms], [0.51, 55]);
  deepEqual([values.connections, values.checkpointMs], [null, null]);
});

Deno.test("a quantile of nothing is none, and one past the last bound is that bound", () => {
  const histogram = new Histogram([1, 2]);
  equal(quantile(histogram.value, 0.5), undefined);
  histogram.observe(100);
  equal(quantile(histogram.value, 0.99), 2);
});

Deno.test("a counter that begins anew, and a clock that is set back, give no negative rates", () => {
  const ticker = new Ticker();
  equal(ticker.tick(counts(100_000, { appends: 50 })), undefined);
  const restarted = ticker.tick(counts(101_000, { appends: 3 }));
  equal(restarted?.second.values.appends, 0);
  const back = ticker.tick(counts(50_000, { appends: 4 }));
  ok((back?.second.values.appends ?? -1) >= 0 && back?.minute === undefined);
});

Deno.test("threads' counts are summed, and connections only where a listener counts them", () => {
  const one = { readers: 1, connections: 5, errors: 2, failures: 1 };
  deepEqual(addThreads([one, { ...one, connections: undefined }]), {
    readers: 2,
    connections: 5,
    errors: 4,
    failures: 2,
  });
  equal(addThreads([]).connections, undefined);
});
