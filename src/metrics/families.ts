/** What a metric is, for all its series. */
export interface Family {
  readonly type: "counter" | "gauge" | "histogram" | "info";
  readonly help: string;
  /** The end of its name, where it has a unit. */
  readonly unit?: "bytes" | "seconds";
  /** The names of its labels, sorted. */
  readonly labels?: readonly string[];
  /** Of several threads the largest counts; else they are summed. */
  readonly isMax?: boolean;
}

/**
 * Every metric, in the order in which they are written. The names are those of the series, but for the
 * endings of a histogram's; `process_` is what Prometheus' own libraries call the same.
 */
export const FAMILIES = {
  durable_streams_build_info: {
    type: "info",
    help: "The version of the server and the runtime that it runs on.",
    labels: ["runtime", "version"],
  },
  durable_streams_ready: {
    type: "gauge",
    help: "1 while the server takes reads and writes, as /health/ready says.",
  },
  durable_streams_storage_state: {
    type: "gauge",
    help: "1 for the state that the storage is in, 0 for the others.",
    labels: ["state"],
  },
  durable_streams_appends_total: {
    type: "counter",
    help: "Appends and closes that were recorded; a duplicate of an idempotent producer is none.",
  },
  durable_streams_appended_bytes_total: {
    type: "counter",
    unit: "bytes",
    help: "Bytes that streams have grown by, as they are stored.",
  },
  durable_streams_created_streams_total: {
    type: "counter",
    help: "Streams that were created, forks too.",
  },
  durable_streams_deleted_streams_total: {
    type: "counter",
    help: "Streams that were deleted, or whose time was over.",
  },
  durable_streams_http_requests_total: {
    type: "counter",
    help: "Requests that were answered, by method and class of status.",
    labels: ["method", "status"],
  },
  durable_streams_http_request_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    help: "How long requests took until their responses began, without long-polls and SSE.",
    labels: ["method", "route"],
  },
  durable_streams_errors_total: {
    type: "counter",
    help: "Answers with an error, by its code; internal is a defect of the server.",
    labels: ["code"],
  },
  durable_streams_refused_tokens_total: {
    type: "counter",
    help: "JWTs that weren't verified, because too many of their address were no good.",
  },
  durable_streams_bodies_in_flight_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Memory that bodies on their way in take.",
  },
  durable_streams_live_readers: {
    type: "gauge",
    help: "Readers that wait for data.",
    labels: ["kind"],
  },
  durable_streams_followed_streams: {
    type: "gauge",
    help: "Streams that connections of kind many follow, each counted for every connection.",
  },
  durable_streams_dropped_readers_total: {
    type: "counter",
    help: "SSE readers that were cut off because they left too much unread for too long.",
  },
  durable_streams_refused_readers_total: {
    type: "counter",
    help: "Readers that were refused because as many waited as may.",
  },
  durable_streams_connections: {
    type: "gauge",
    help: "Connections that are open.",
    labels: ["listener"],
  },
  durable_streams_accepted_connections_total: {
    type: "counter",
    help: "Connections that were taken in.",
    labels: ["listener"],
  },
  durable_streams_refused_connections_total: {
    type: "counter",
    help: "Connections that were refused because as many were open as may, or no file was left.",
    labels: ["listener"],
  },
  durable_streams_timed_out_connections_total: {
    type: "counter",
    help: "Connections that were ended because their client took too long, by what it took it for.",
    labels: ["listener", "reason"],
  },
  durable_streams_loaded_streams: { type: "gauge", help: "Streams in memory." },
  durable_streams_dirty_streams: {
    type: "gauge",
    help: "Streams that the next checkpoint has to store, and deletions.",
  },
  durable_streams_trims_total: {
    type: "counter",
    help: "How often streams were trimmed, by hand and by their retention.",
  },
  durable_streams_trimmed_bytes_total: {
    type: "counter",
    unit: "bytes",
    help: "Bytes that streams have lost by being trimmed, as they are stored.",
  },
  durable_streams_retention_waiting_streams: {
    type: "gauge",
    help: "Streams that are looked at once their oldest messages are older than they are kept.",
  },
  durable_streams_retention_lag_seconds: {
    type: "gauge",
    unit: "seconds",
    help: "For how long the first of these has been due; 0 without any.",
  },
  durable_streams_compactions_total: {
    type: "counter",
    help: "How often a stream was compacted.",
  },
  durable_streams_compaction_read_bytes_total: {
    type: "counter",
    unit: "bytes",
    help: "Bytes of the segments that were compacted.",
  },
  durable_streams_compaction_written_bytes_total: {
    type: "counter",
    unit: "bytes",
    help: "Bytes of those that took their place; the difference to what was read is freed.",
  },
  durable_streams_unfreed_bytes: {
    type: "gauge",
    unit: "bytes",
    help:
      "What deleted streams have on the disk still: it goes with a checkpoint, or a backup's end.",
  },
  durable_streams_unfreed_age_seconds: {
    type: "gauge",
    unit: "seconds",
    help: "How long ago the first of it was found to be of no use; 0 without any.",
  },
  durable_streams_set_aside_streams: {
    type: "gauge",
    help: "Streams that take no appends, since damage was found.",
  },
  durable_streams_damaged_subscriptions: {
    type: "gauge",
    help: "Damage to subscriptions that the start has met.",
  },
  durable_streams_open_segment_files: { type: "gauge", help: "Segment files that are open." },
  durable_streams_log_size_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "The log's files that no checkpoint has freed yet: what a start has to read.",
  },
  durable_streams_log_limit_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "How long the log may get before appends wait.",
  },
  durable_streams_log_age_seconds: {
    type: "gauge",
    unit: "seconds",
    help:
      "How long ago the oldest record was written that no checkpoint has stored; 0 without any.",
  },
  durable_streams_log_queued_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Commands that wait to be written to the log.",
  },
  durable_streams_log_written_bytes_total: {
    type: "counter",
    unit: "bytes",
    help: "Bytes that were written to the log.",
  },
  durable_streams_log_batch_records: {
    type: "histogram",
    help: "Records that were written to the log as one batch.",
  },
  durable_streams_log_sync_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    help: "How long a sync of the log took.",
  },
  durable_streams_checkpoints_total: {
    type: "counter",
    help: "Checkpoints, by how they ended.",
    labels: ["outcome"],
  },
  durable_streams_checkpoint_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    help: "How long a checkpoint took that was completed.",
  },
  durable_streams_cluster_publishes_total: {
    type: "counter",
    help:
      "Attempts to store messages in the cluster: stored, refused since another was first, unknown, or " +
      "unavailable. Only with --storage nats, as all of these.",
    labels: ["outcome"],
  },
  durable_streams_cluster_publish_duration_seconds: {
    type: "histogram",
    unit: "seconds",
    help: "How long a message took until the cluster had it, with all its attempts.",
  },
  durable_streams_cluster_races_lost_total: {
    type: "counter",
    help: "Groups of appends that were decided anew, since another front end was first.",
  },
  durable_streams_cluster_forwarded_appends_total: {
    type: "counter",
    help:
      "Appends that another front end has decided for this one, which lost races for their streams to it.",
  },
  durable_streams_cluster_forward_timeouts_total: {
    type: "counter",
    help:
      "Calls with appends that another front end didn't answer in time, so that they were decided here.",
  },
  durable_streams_cluster_reconnects_total: {
    type: "counter",
    help: "Connections to the cluster after the first one.",
  },
  durable_streams_cluster_watched_streams: {
    type: "gauge",
    help: "Streams with readers that wait, which the cluster tells of.",
  },
  durable_streams_cluster_cached_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "The newest messages of all streams, in memory.",
  },
  durable_streams_subscriptions: {
    type: "gauge",
    help: "Subscriptions, by how they wake.",
    labels: ["type"],
  },
  durable_streams_pending_subscriptions: {
    type: "gauge",
    help: "Subscriptions with streams that aren't processed up to their tails.",
  },
  durable_streams_pending_subscription_streams: {
    type: "gauge",
    help:
      "Streams that aren't processed up to their tails, for each subscription that follows them.",
  },
  durable_streams_failing_subscriptions: {
    type: "gauge",
    help: "Subscriptions whose newest delivery has failed, and is to be tried again.",
  },
  durable_streams_subscription_lag_seconds: {
    type: "gauge",
    unit: "seconds",
    help: "How long ago the oldest wake was made that nobody has acknowledged; 0 without any.",
  },
  durable_streams_webhooks_in_flight: { type: "gauge", help: "Webhooks that are under way." },
  durable_streams_webhook_deliveries_total: {
    type: "counter",
    help: "Webhooks that were answered or failed: done with the answer, accepted, or failed.",
    labels: ["outcome"],
  },
  durable_streams_event_loop_delay_seconds: {
    type: "gauge",
    unit: "seconds",
    isMax: true,
    help: "The longest that a thread was late for a timer since the last scrape.",
  },
  durable_streams_heap_used_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "The JavaScript heaps of all threads.",
  },
  durable_streams_threads: { type: "gauge", help: "Threads that are summed here." },
  process_resident_memory_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "Memory of the process.",
  },
  process_open_fds: { type: "gauge", help: "Open files and connections of the process." },
  process_max_fds: { type: "gauge", help: "How many of these it may have." },
  process_cpu_seconds_total: {
    type: "counter",
    unit: "seconds",
    help: "Processor time of the process, its own and the system's.",
  },
  process_start_time_seconds: {
    type: "gauge",
    unit: "seconds",
    help: "When the server started, in seconds since 1970.",
  },
  durable_streams_stream_tail_bytes: {
    type: "gauge",
    unit: "bytes",
    help: "How far a stream goes; only of streams that --metrics-streams asks for.",
    labels: ["stream"],
  },
} as const satisfies Readonly<Record<string, Family>>;

/** The name of a metric. */
export type MetricName = keyof typeof FAMILIES;

/** What a metric is. */
export function familyOf(name: MetricName): Family {
  return FAMILIES[name];
}

/** Every metric's name, in order. */
export const METRIC_NAMES: readonly MetricName[] = Object.keys(FAMILIES).filter(isMetricName);

function isMetricName(name: string): name is MetricName {
  return name in FAMILIES;
}
