import { REQUEST_SECONDS } from "../../metrics/buckets.ts";
import { Histogram, type HistogramValue } from "../../metrics/histogram.ts";

/** What a request is about: a stream, something below `__ds/`, or anything else. */
export type RouteKind = "stream" | "control" | "other";

/** Requests that are further apart are all timed. */
const QUIET_MS = 1;
/** Of others one in up to so many, in half as many on average. */
const LONGEST_GAP = 32;

const WRITES: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** A request that is timed. */
export interface TimedRequest {
  readonly startMs: number;
  /** How many requests it stands for: itself and those since the one before. */
  readonly count: number;
}

/**
 * How long requests took until their responses began. To look at the clock twice costs more than all else
 * that is counted of a request: where many come, few are timed, and those stand for the others. Which ones is
 * drawn at random, or what comes in turn would be left out each time.
 */
export class RequestDurations {
  readonly #histograms: Readonly<Record<RouteKind, Readonly<Record<MethodClass, Histogram>>>>;
  readonly #now: () => number;
  #beganAtMs = -Infinity;
  #gap = 1;
  #left = 1;
  #random = 1;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    const both = () => ({
      read: new Histogram(REQUEST_SECONDS),
      write: new Histogram(REQUEST_SECONDS),
    });
    this.#histograms = { stream: both(), control: both(), other: both() };
    this.#now = now;
  }

  /** A request begins; `undefined` where another stands for it. */
  begin(): TimedRequest | undefined {
    if (--this.#left > 0) return undefined;
    const startMs = this.#now();
    const count = this.#gap;
    const isBusy = startMs - this.#beganAtMs < count * QUIET_MS;
    this.#beganAtMs = startMs;
    this.#gap = this.#left = isBusy ? this.#nextGap() : 1;
    return { startMs, count };
  }

  /** The response of a request that is timed begins. */
  end({ startMs, count }: TimedRequest, route: RouteKind, method: string): void {
    const isWrite = WRITES.has(method);
    const histogram = this.#histograms[route][isWrite ? "write" : "read"];
    histogram.observe((this.#now() - startMs) / 1000, count);
  }

  /** All that was counted, each with the values of the labels `method` and `route`. */
  entries(): { readonly labels: readonly [string, string]; readonly value: HistogramValue }[] {
    return Object.entries(this.#histograms).flatMap(([route, { read, write }]) => [
      { labels: ["read", route], value: read.value },
      { labels: ["write", route], value: write.value },
    ]);
  }

  #nextGap(): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) >>> 0;
    return 1 + (this.#random >>> 16) % LONGEST_GAP;
  }
}

/** Whether a method changes anything. */
type MethodClass = "read" | "write";
