import { quantileBetween, type Scrape } from "../../../metrics/parse.ts";

/** A scrape and when it was made. */
export interface TimedScrape {
  readonly scrape: Scrape;
  readonly atMs: number;
}

/** What a server does, by two scrapes; rates are `undefined` where there is only one. */
export interface Activity {
  readonly ready: boolean;
  readonly state: string;
  readonly uptimeSeconds: number;
  readonly appendsPerSecond: number | undefined;
  readonly appendedBytesPerSecond: number | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly errorsPerSecond: number | undefined;
  /** Records of a batch, on average; `undefined` where none was written. */
  readonly batchRecords: number | undefined;
  readonly syncP50Seconds: number | undefined;
  readonly syncP99Seconds: number | undefined;
  /** `undefined` where the server doesn't count them. */
  readonly connections: number | undefined;
  readonly longPolls: number;
  readonly sseReaders: number;
  readonly logBytes: number;
  readonly logLimitBytes: number;
  readonly logAgeSeconds: number;
  readonly loadedStreams: number;
  readonly dirtyStreams: number;
  readonly setAsideStreams: number;
  readonly subscriptions: number;
  readonly pendingSubscriptions: number;
  readonly subscriptionLagSeconds: number;
  readonly memoryBytes: number;
  readonly cpuPercent: number | undefined;
  readonly eventLoopDelaySeconds: number;
}

const SYNCS = "durable_streams_log_sync_duration_seconds";
const BATCHES = "durable_streams_log_batch_records";

/** What a server did between two scrapes, and how it is at the later one. */
export function activityBetween(before: TimedScrape | undefined, after: TimedScrape): Activity {
  const { scrape, atMs } = after;
  // Since a start in between the counters began anew.
  const start = (each: Scrape) => each.sum("process_start_time_seconds");
  const isSame = before !== undefined && start(before.scrape) === start(scrape);
  const earlier = isSame ? before : undefined;
  const seconds = earlier === undefined ? 0 : (atMs - earlier.atMs) / 1000;
  const rate = (name: string) =>
    earlier === undefined || seconds <= 0
      ? undefined
      : (scrape.sum(name) - earlier.scrape.sum(name)) / seconds;
  const grown = (name: string) => scrape.sum(name) - (earlier?.scrape.sum(name) ?? 0);
  const cpuRate = rate("process_cpu_seconds_total");
  const batches = grown(`${BATCHES}_count`);
  return {
    ready: scrape.sum("durable_streams_ready") === 1,
    state: scrape.of("durable_streams_storage_state").find(({ value }) => value === 1)
      ?.labels["state"] ?? "unknown",
    uptimeSeconds: Math.max(0, atMs / 1000 - start(scrape)),
    appendsPerSecond: rate("durable_streams_appends_total"),
    appendedBytesPerSecond: rate("durable_streams_appended_bytes_total"),
    requestsPerSecond: rate("durable_streams_http_requests_total"),
    errorsPerSecond: rate("durable_streams_errors_total"),
    batchRecords: batches > 0 ? grown(`${BATCHES}_sum`) / batches : undefined,
    syncP50Seconds: quantileBetween(earlier?.scrape, scrape, SYNCS, 0.5),
    syncP99Seconds: quantileBetween(earlier?.scrape, scrape, SYNCS, 0.99),
    connections: scrape.of("durable_streams_connections").length === 0
      ? undefined
      : scrape.sum("durable_streams_connections"),
    longPolls: scrape.sum("durable_streams_live_readers", { kind: "long-poll" }),
    sseReaders: scrape.sum("durable_streams_live_readers", { kind: "sse" }),
    logBytes: scrape.sum("durable_streams_log_size_bytes"),
    logLimitBytes: scrape.sum("durable_streams_log_limit_bytes"),
    logAgeSeconds: scrape.sum("durable_streams_log_age_seconds"),
    loadedStreams: scrape.sum("durable_streams_loaded_streams"),
    dirtyStreams: scrape.sum("durable_streams_dirty_streams"),
    setAsideStreams: scrape.sum("durable_streams_set_aside_streams"),
    subscriptions: scrape.sum("durable_streams_subscriptions"),
    pendingSubscriptions: scrape.sum("durable_streams_pending_subscriptions"),
    subscriptionLagSeconds: scrape.sum("durable_streams_subscription_lag_seconds"),
    memoryBytes: scrape.sum("process_resident_memory_bytes"),
    cpuPercent: cpuRate === undefined ? undefined : cpuRate * 100,
    eventLoopDelaySeconds: scrape.sum("durable_streams_event_loop_delay_seconds"),
  };
}
