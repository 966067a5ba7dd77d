import { computed, effect, signal } from "@preact/signals";
import {
  type FeedHealth,
  type FeedHistory,
  type FeedSample,
  type Hello,
  readFeed,
} from "../api/feed.ts";
import { pause, Pauses } from "../api/pause.ts";
import { asApiError, isAbort, token, tokenRefusal } from "../api/request.ts";
import { config } from "../api/config.ts";
import { route } from "./route.ts";

/** Whether the page hears from the server. */
export type Reach = "connecting" | "connected" | "away" | "refused";

/** What the server said of itself; undefined until it has. */
export const hello = signal<Hello | undefined>(undefined);
/** The figures up to when the feed began. */
export const history = signal<FeedHistory | undefined>(undefined);
/** The newest second's figures. */
export const sample = signal<FeedSample | undefined>(undefined);
/** How the server is. */
export const health = signal<FeedHealth | undefined>(undefined);
/** Counts how often streams came or went. */
export const changes = signal(0);
/** Whether the page hears from the server. */
export const reach = signal<Reach>("connecting");
/** The streams whose rates the server is asked for. */
export const ratedStreams = signal<readonly string[]>([]);

/** Counts how often the server was heard from again after it had been away: what is shown may be old. */
export const returns = signal(0);

const pauses = new Pauses();
let isLost = false;

/**
 * Keeps the page's one connection: the feed, but in a stream's view, whose own live read takes its
 * place once the server has said hello.
 */
export function startFeed(): void {
  let open: AbortController | undefined;
  effect(() => {
    const isWanted = isFeedWanted.value;
    const rates = ratedStreams.value;
    const current = token.value;
    open?.abort();
    open = undefined;
    const isRefused = tokenRefusal.value !== undefined;
    if (!isWanted || isRefused || (config.access && current === undefined)) return;
    open = new AbortController();
    void follow(rates, open.signal);
  });
}

/** Of its own, so that other changes of the route leave the connection alone. */
const isFeedWanted = computed(() => route.value.view !== "stream" || hello.value === undefined);

async function follow(rates: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let leastMs = 0;
    try {
      await readFeed(LISTENER, rates, signal);
      reach.value = "connecting";
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      const { status, retryAfterMs } = asApiError(error);
      reach.value = status === 0 ? "away" : "refused";
      leastMs = retryAfterMs;
    }
    isLost = true;
    await pause(pauses.next(leastMs), signal);
  }
}

const LISTENER = {
  hello(value: Hello) {
    reach.value = "connected";
    tokenRefusal.value = undefined;
    hello.value = value;
    if (isLost) returns.value++;
    isLost = false;
    pauses.reset();
  },
  history: (value: FeedHistory) => history.value = value,
  sample: (value: FeedSample) => sample.value = value,
  health: (value: FeedHealth) => health.value = value,
  changed: () => changes.value++,
  end(reason: string) {
    // A server that stops ends it too, and may be back soon.
    if (reason !== "stopping") tokenRefusal.value = `The token's time is over (${reason}).`;
  },
};
