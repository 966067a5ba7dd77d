import type { Rights } from "../../access/rights.ts";
import { hasPassed } from "../../env/clock.ts";
import type { AbortSignalLike } from "../../http/handler.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { SSE_KEEP_ALIVE } from "../../protocol/sse.ts";
import { watchPermit } from "../access/permit_end.ts";
import type { Recorder, Tick } from "../figures/recorder.ts";
import type { ServerContext } from "../verbs/context.ts";
import { FeedBody, frameOf } from "./feed_body.ts";
import { healthFrames } from "./feed_health.ts";
import { Rates } from "./rates.ts";

/** Pages look again at most this often because of what others have created or deleted. */
const CHANGED_EVERY_MS = 2000;
/** A page that takes nothing for so long is disconnected. */
const STUCK_MS = 60_000;

/** One open page. */
interface Feed {
  readonly body: FeedBody;
  /** Whether it sees the server's figures. */
  readonly isAdmin: boolean;
  /** The streams that it compares. */
  readonly rates: readonly string[];
  /** The health that it was sent last. */
  healthKey: string;
}

/** What a page asks for. */
export interface FeedRequest {
  readonly isAdmin: boolean;
  readonly rates: readonly string[];
  /** Frames to begin with. */
  readonly first: readonly Bytes[];
  readonly signal: AbortSignalLike;
  readonly rights: Rights | undefined;
}

/** The feeds of all pages that are open: each second's frames are encoded once for those that see the same. */
export class FeedHub {
  readonly #context: ServerContext;
  readonly #recorder: Recorder;
  readonly #rates: Rates;
  readonly #feeds = new Set<Feed>();
  #stopTicks: (() => void) | undefined;
  #changedAtMs = 0;
  #seenChanges: number | undefined;
  #history: { readonly key: string; readonly frame: Bytes } | undefined;

  constructor(context: ServerContext, recorder: Recorder) {
    this.#context = context;
    this.#recorder = recorder;
    this.#rates = new Rates(context.storage);
  }

  /**
   * A new feed: the body of its response.
   *
   * @throws {StreamError} `too_many_readers`
   */
  open({ isAdmin, rates, first, signal, rights }: FeedRequest): FeedBody {
    const { clock, liveReaders } = this.#context;
    const body = new FeedBody(clock.nowMs());
    const stop = (reason: string) => {
      body.send(frameOf("end", { reason }), clock.nowMs());
      body.end();
    };
    const release = liveReaders.enter(() => stop("stopping"));
    try {
      this.#rates.add(rates);
    } catch (error) {
      release();
      throw error;
    }
    const feed: Feed = { body, isAdmin, rates, healthKey: "" };
    this.#feeds.add(feed);
    this.#stopTicks ??= this.#begin();
    let forgetPermit = () => {};
    body.onEnd = () => {
      release();
      forgetPermit();
      this.#rates.remove(rates);
      this.#feeds.delete(feed);
      if (this.#feeds.size > 0) return;
      this.#stopTicks?.();
      this.#stopTicks = undefined;
    };
    signal.addEventListener("abort", () => body.end(), { once: true });
    for (const frame of first) body.send(frame, clock.nowMs());
    this.#sendHealth(feed, healthFrames(this.#context));
    if (liveReaders.isStopping) stop("stopping");
    else if (signal.aborted) body.end();
    else forgetPermit = watchPermit(rights?.permit, clock, stop);
    return body;
  }

  /** The figures that are later than a time; the same bytes for all who ask in the same second. */
  historyFrame(sinceMs: number): Bytes {
    const key = `${this.#recorder.last?.second.t} ${sinceMs}`;
    if (this.#history?.key !== key) {
      this.#history = { key, frame: frameOf("history", this.#recorder.history(sinceMs)) };
    }
    return this.#history.frame;
  }

  #begin(): () => void {
    // What changed while nobody looked is no change to those who begin now.
    this.#seenChanges = this.#recorder.last?.changes;
    return this.#recorder.subscribe((tick) => this.#onTick(tick));
  }

  #onTick(tick: Tick): void {
    const context = this.#context;
    const nowMs = context.clock.nowMs();
    const health = healthFrames(context);
    const changed = this.#changedFrame(tick, nowMs);
    const sample = frameOf("sample", { t: tick.second.t, series: tick.second.values });
    for (const feed of [...this.#feeds]) {
      if (!this.#isReading(feed, nowMs)) continue;
      if (changed !== undefined) feed.body.send(changed, nowMs);
      this.#sendHealth(feed, health);
      if (feed.rates.length > 0) feed.body.send(this.#ratesFrame(feed, tick), nowMs);
      else if (feed.isAdmin) feed.body.send(sample, nowMs);
      if (hasPassed(context.config.sseKeepAliveMs, feed.body.sentAtMs, nowMs)) {
        feed.body.send(SSE_KEEP_ALIVE, nowMs);
      }
    }
    this.#rates.read(nowMs);
  }

  /** Whether a page takes more; one that hasn't for long is disconnected. */
  #isReading({ body }: Feed, nowMs: number): boolean {
    if (body.hasRoom) {
      body.stuckSinceMs = 0;
      return true;
    }
    if (body.stuckSinceMs === 0) body.stuckSinceMs = nowMs;
    if (nowMs - body.stuckSinceMs > STUCK_MS) {
      this.#context.counters.droppedReaders++;
      body.destroy();
    }
    return false;
  }

  #ratesFrame({ isAdmin, rates }: Feed, { second }: Tick): Bytes {
    const series = isAdmin ? second.values : {};
    return frameOf("sample", { t: second.t, series, rates: this.#rates.of(rates) });
  }

  #changedFrame(tick: Tick, nowMs: number): Bytes | undefined {
    if (tick.changes === this.#seenChanges) return undefined;
    if (!hasPassed(CHANGED_EVERY_MS, this.#changedAtMs, nowMs)) return undefined;
    this.#seenChanges = tick.changes;
    this.#changedAtMs = nowMs;
    return frameOf("changed", {});
  }

  #sendHealth(feed: Feed, { admin, others }: ReturnType<typeof healthFrames>): void {
    const { key, frame } = feed.isAdmin ? admin : others;
    if (key === feed.healthKey) return;
    feed.healthKey = key;
    feed.body.send(frame(), this.#context.clock.nowMs());
  }
}
