import { deepEqual, equal, ok } from "node:assert/strict";
import type { HistogramValue } from "../../../src/metrics/histogram.ts";
import { RequestDurations, type RouteKind } from "../../../src/server/common/request_durations.ts";

/** A clock, and requests that come one after the other, each answered at once. */
class Requests {
  nowMs = 0;
  looks = 0;
  readonly durations = new RequestDurations(() => {
    this.looks++;
    return this.nowMs;
  });

  /** @param apartMs from the one before */
  send(apartMs: number, takesMs: number): void {
    this.nowMs += apartMs;
    const timed = this.durations.begin();
    this.nowMs += takesMs;
    if (timed !== undefined) this.durations.end(timed, "stream", "POST");
    this.nowMs -= takesMs;
  }

  get value(): HistogramValue {
    const found = this.durations.entries().find(({ labels }) => labels.join() === "write,stream");
    ok(found !== undefined);
    return found.value;
  }

  get count(): number {
    return this.value.counts.reduce((sum, each) => sum + each, 0);
  }
}

Deno.test("requests that come now and then are timed each, to the bucket", () => {
  const requests = new Requests();
  for (const takesMs of [0.2, 3, 3, 20_000]) requests.send(2, takesMs);
  const { bounds, counts, sum } = requests.value;
  equal(requests.looks, 8);
  equal(sum, 20.0062);
  const found = counts.flatMap((count, i) => count === 0 ? [] : [[bounds[i], count]]);
  deepEqual(found, [[0.000_25, 1], [0.005, 2], [undefined, 1]]);
});

Deno.test("of many few are timed, each for those since the one before, and none that come in turn is left out", () => {
  const requests = new Requests();
  const all = 100_000;
  // Each sixteenth takes longer.
  for (let i = 0; i < all; i++) requests.send(0.01, i % 16 === 0 ? 50 : 0);
  ok(requests.looks < all / 5, `${requests.looks} looks at the clock`);
  ok(Math.abs(requests.count - all) < 32, `${requests.count} counted`);
  const slow = requests.value.counts[6] ?? 0;
  ok(Math.abs(slow / all - 1 / 16) < 0.01, `${slow} slow ones`);
  // Once they are few again, each is.
  for (let i = 0; i < 40; i++) requests.send(10, 0);
  const { looks, count } = requests;
  for (let i = 0; i < 10; i++) requests.send(10, 0);
  deepEqual([requests.looks - looks, requests.count - count], [20, 10]);
});

Deno.test("reads and writes of streams, and what is no stream, count apart", () => {
  const durations = new RequestDurations(() => 0);
  const count = (route: RouteKind, method: string) => {
    const total = () =>
      durations.entries().map(({ labels, value }) =>
        [labels.join(" "), value.counts.reduce((sum, each) => sum + each, 0)] as const
      );
    const before = total();
    durations.end({ startMs: 0, count: 3 }, route, method);
    return total().filter(([, value], i) => value !== before[i]?.[1]).map(([labels]) => labels);
  };
  for (const method of ["GET", "HEAD", "OPTIONS", "nonsense"]) {
    deepEqual(count("stream", method), ["read stream"]);
  }
  for (const method of ["POST", "PUT", "DELETE"]) {
    deepEqual(count("control", method), ["write control"]);
  }
  deepEqual(count("other", "GET"), ["read other"]);
  equal(durations.entries().length, 6);
});
