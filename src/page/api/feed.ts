import { controlUrl } from "./config.ts";
import { call } from "./request.ts";
import { eventJson, readEvents } from "./events.ts";
import type { SeriesName } from "./series.ts";

/** Verbs over the streams that patterns match. */
export interface FeedGrant {
  readonly verbs: readonly string[];
  readonly patterns: readonly string[];
}

/** What the server says of itself and of this page's rights as the feed begins. */
export interface Hello {
  readonly version: string;
  readonly runtime: string;
  readonly uptimeMs: number;
  readonly storage: "memory" | "file" | "nats";
  readonly access: boolean;
  readonly verbs: Readonly<Record<string, boolean>>;
  /** Null: everything. */
  readonly grants: readonly FeedGrant[] | null;
  readonly listing: boolean;
  /** Whether it signs links for who may read. */
  readonly links?: boolean;
  /** Whether it has subscriptions at all. */
  readonly subscriptions?: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Points of all figures, oldest first. */
export interface FeedSeries {
  /** Milliseconds since 1970. */
  readonly t: readonly number[];
  readonly series: Readonly<Partial<Record<SeriesName, readonly (number | null)[]>>>;
}

/** The last minutes, a point a second, and the last day, a point a minute. */
export interface FeedHistory {
  readonly minutes: FeedSeries;
  readonly day: FeedSeries;
}

/** One second's figures. */
export interface FeedSample {
  readonly t: number;
  readonly series: Readonly<Partial<Record<SeriesName, number | null>>>;
  readonly rates?: Readonly<Record<string, { readonly tail: string; readonly bytesPerS: number }>>;
}

/** How the server is, as `/health` has it, and what to do about it. */
export interface FeedHealth {
  readonly status: string;
  readonly reason?: string;
  readonly advice?: string;
}

/** What is told of the feed's events. */
export interface FeedListener {
  hello?(hello: Hello): void;
  history?(history: FeedHistory): void;
  sample?(sample: FeedSample): void;
  health?(health: FeedHealth): void;
  changed?(): void;
  /** The token's end: why. */
  end?(reason: string): void;
}

/**
 * Follows the server's feed until it ends.
 *
 * @param rates the streams whose rates are to be told
 * @throws {ApiError}
 */
export async function readFeed(
  listener: FeedListener,
  rates: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const query = new URLSearchParams(rates.map((name) => ["rates", name]));
  const answer = await call(`${controlUrl("page/feed")}?${query}`, { signal });
  await readEvents(answer, (event) => {
    if (event.type === "hello") listener.hello?.(eventJson(event));
    else if (event.type === "history") listener.history?.(eventJson(event));
    else if (event.type === "sample") listener.sample?.(eventJson(event));
    else if (event.type === "health") listener.health?.(eventJson(event));
    else if (event.type === "changed") listener.changed?.();
    else if (event.type === "end") listener.end?.(eventJson<{ reason: string }>(event).reason);
  });
}
