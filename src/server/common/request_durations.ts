import { REQUEST_SECONDS } from "../../metrics/buckets.ts";
import { Histogram, type HistogramValue } from "../../metrics/histogram.ts";

/** What a request is about: a stream, something below `__ds/`, or anything else. */
export type RouteKind = "stream" | "control" | "other";

/** Requests that are further apart on average are all timed. */
const QUIET_MS = 1;
/** Of others each of up to so many, a power of two: half as many on average. */
const LONGEST_GAP = 32;

/** A request that is timed. */
export interface TimedRequest {
  readonly startMs: number;
  /** How many requests it stands for: itself and those since the one before. */
  readonly count: number;
}

/** How long requests of one kind took until their responses began. */
export class DurationSeries {
  readonly #histogram = new Histogram(REQUEST_SECONDS);
  readonly #now: () => number;
  #beganAtMs = -Infinity;
  #gap = 1;
  #left = 1;
  #random = 1;

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Begins to time a request, unless it is left to the next: to look at the clock twice costs more than all
   * else that is counted of one. Gaps are drawn at random, or what comes in turn would be left out each
   * time.
   */
  begin(): TimedRequest | undefined {
    if (--this.#left > 0) return undefined;
    const startMs = this.#now();
    const count = this.#gap;
    const isBusy = startMs - this.#beganAtMs < count * QUIET_MS;
    this.#beganAtMs = startMs;
    this.#gap = this.#left = isBusy ? this.#nextGap() : 1;
    return { startMs, count };
  }

  /** Its response begins. */
  end({ startMs, count }: TimedRequest): void {
    this.#histogram.observe((this.#now() - startMs) / 1000, count);
  }

  /** What was counted so far. */
  get value(): HistogramValue {
    return this.#histogram.value;
  }

  #nextGap(): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) >>> 0;
    return 1 + (this.#random >>> 16) % LONGEST_GAP;
  }
}

/** One for each kind of route and class of method. */
export class RequestDurations {
  readonly #series: Readonly<Record<RouteKind, Readonly<Record<MethodClass, DurationSeries>>>>;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    const both = () => ({ read: new DurationSeries(now), write: new DurationSeries(now) });
    this.#series = { stream: both(), control: both(), other: both() };
  }

  /** Where a request counts. */
  of(route: RouteKind, method: string): DurationSeries {
    const both = this.#series[route];
    return method === "POST" || method === "PUT" || method === "DELETE" ? both.write : both.read;
  }

  /** All of them, each with the values of its labels `method` and `route`. */
  entries(): { readonly labels: readonly [string, string]; readonly value: HistogramValue }[] {
    return Object.entries(this.#series).flatMap(([route, { read, write }]) => [
      { labels: ["read", route], value: read.value },
      { labels: ["write", route], value: write.value },
    ]);
  }
}

/** Whether a method changes anything. */
type MethodClass = "read" | "write";
