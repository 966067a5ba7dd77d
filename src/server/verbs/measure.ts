import { processUsage } from "../../env/process_usage.ts";
import type { ConnectionCounts } from "../../http/connection_counts.ts";
import { runtimeName } from "../../listen/runtime_name.ts";
import { type Sample, sample, samplesBy } from "../../metrics/sample.ts";
import type {
  ClusterMeasures,
  CompactionMeasures,
  RetentionMeasures,
  StorageMeasures,
} from "../../storage/measures.ts";
import type { StorageStatus } from "../../storage/status.ts";
import type { DeliveryMeasures } from "../../subscriptions/dispatcher.ts";
import { ERROR_CODES } from "../common/errors.ts";
import type { ServerContext } from "./context.ts";
import { readiness } from "./readiness.ts";

const STATES: readonly StorageStatus["state"][] = [
  "ok",
  "full",
  "out_of_files",
  "unreachable",
  "failed",
];

/** What the thread of this app has counted. */
export function measureThread(context: ServerContext): readonly Sample[] {
  const { counters, liveReaders, sse, live, bodyBudget, eventLoop, connections } = context;
  const errors = Object.fromEntries(
    [...ERROR_CODES, ...counters.errors.keys()].map((code) =>
      [code, counters.errors.get(code) ?? 0] as const
    ),
  );
  return [
    ...counters.requests.entries().map(({ labels, count }): Sample => ({
      name: "durable_streams_http_requests_total",
      labels,
      value: count,
    })),
    ...counters.durations.entries().map((each): Sample => ({
      name: "durable_streams_http_request_duration_seconds",
      ...each,
    })),
    ...(connections === undefined ? [] : measureConnections(connections)),
    ...samplesBy("durable_streams_errors_total", { ...errors, internal: counters.internalErrors }),
    sample("durable_streams_refused_tokens_total", counters.refusedTokens),
    sample("durable_streams_bodies_in_flight_bytes", bodyBudget.reservedBytes),
    ...samplesBy("durable_streams_live_readers", {
      "long-poll": liveReaders.size - sse.size - live.size,
      sse: sse.size,
      many: live.size,
    }),
    sample("durable_streams_followed_streams", live.streams),
    sample("durable_streams_dropped_readers_total", counters.droppedReaders),
    sample("durable_streams_refused_readers_total", counters.rejectedReaders),
    sample("durable_streams_event_loop_delay_seconds", eventLoop.take() / 1000),
    sample("durable_streams_heap_used_bytes", processUsage().heapUsedBytes),
    sample("durable_streams_threads", 1),
  ];
}

function measureConnections(counts: ConnectionCounts): readonly Sample[] {
  const { listener, open, accepted, refused, timedOut } = counts;
  const labels = [listener];
  return [
    { name: "durable_streams_connections", labels, value: open },
    { name: "durable_streams_accepted_connections_total", labels, value: accepted },
    { name: "durable_streams_refused_connections_total", labels, value: refused },
    ...Object.entries(timedOut).map(([reason, value]): Sample => ({
      name: "durable_streams_timed_out_connections_total",
      labels: [listener, reason],
      value,
    })),
  ];
}

/** What there is once in a process: the storage, the subscriptions and the process itself. */
export async function measureProcess(context: ServerContext): Promise<readonly Sample[]> {
  const { config, storage, startedMs } = context;
  const { residentBytes, cpuSeconds, openFiles, maxOpenFiles } = processUsage();
  const samples: Sample[] = [
    {
      name: "durable_streams_build_info",
      labels: [runtimeName(), config.version ?? "unknown"],
      value: 1,
    },
    sample("durable_streams_ready", readiness(context) === "ok" ? 1 : 0),
    ...measureStatus(storage.status()),
    sample("process_resident_memory_bytes", residentBytes),
    sample("process_cpu_seconds_total", cpuSeconds),
    sample("process_start_time_seconds", startedMs / 1000),
  ];
  if (openFiles !== undefined) samples.push(sample("process_open_fds", openFiles));
  if (maxOpenFiles !== undefined) samples.push(sample("process_max_fds", maxOpenFiles));
  const measures = storage.measure?.();
  if (measures !== undefined) samples.push(...measureStorage(measures));
  // Where they can't be served, all else is still told.
  const service = await context.subscriptions?.().catch(() => undefined);
  if (service !== undefined) samples.push(...measureDeliveries(service.deliveries));
  return samples;
}

function measureStatus({ state, figures }: StorageStatus): readonly Sample[] {
  const states = Object.fromEntries(STATES.map((each) => [each, each === state ? 1 : 0]));
  return [
    ...samplesBy("durable_streams_storage_state", states),
    sample("durable_streams_loaded_streams", figures.loadedStreams),
    sample("durable_streams_set_aside_streams", figures.damagedStreams),
    sample("durable_streams_damaged_subscriptions", figures.damagedSubscriptions),
    sample("durable_streams_open_segment_files", figures.openFiles),
    sample("durable_streams_log_size_bytes", figures.logBytes),
    sample("durable_streams_log_queued_bytes", figures.queuedBytes),
    ...samplesBy("durable_streams_checkpoints_total", {
      ok: figures.checkpoints,
      failed: figures.failedCheckpoints,
    }),
  ];
}

function measureStorage(measures: StorageMeasures): readonly Sample[] {
  const { commands, log, checkpointDurationSeconds, dirtyStreams, subscriptions } = measures;
  const { cluster } = measures;
  return [
    ...cluster === undefined ? [] : measureCluster(cluster),
    ...measures.retention === undefined ? [] : measureRetention(measures.retention),
    ...measures.compaction === undefined ? [] : measureCompaction(measures.compaction),
    sample("durable_streams_appends_total", commands.appends),
    sample("durable_streams_appended_bytes_total", commands.appendedBytes),
    sample("durable_streams_created_streams_total", commands.created),
    sample("durable_streams_deleted_streams_total", commands.deleted),
    sample("durable_streams_dirty_streams", dirtyStreams),
    sample("durable_streams_unfreed_bytes", measures.unfreed?.bytes ?? 0),
    sample("durable_streams_unfreed_age_seconds", measures.unfreed?.ageSeconds ?? 0),
    sample("durable_streams_log_limit_bytes", log.limitBytes),
    sample("durable_streams_log_age_seconds", log.ageSeconds),
    sample("durable_streams_log_written_bytes_total", log.writtenBytes),
    sample("durable_streams_log_batch_records", log.batchRecords),
    sample("durable_streams_log_sync_duration_seconds", log.syncDurationSeconds),
    sample("durable_streams_checkpoint_duration_seconds", checkpointDurationSeconds),
    ...samplesBy("durable_streams_subscriptions", {
      webhook: subscriptions.webhook,
      "pull-wake": subscriptions.pullWake,
    }),
    sample("durable_streams_pending_subscriptions", subscriptions.pending),
    sample("durable_streams_pending_subscription_streams", subscriptions.pendingStreams),
    sample("durable_streams_failing_subscriptions", subscriptions.failing),
    sample("durable_streams_subscription_lag_seconds", subscriptions.lagSeconds),
  ];
}

function measureRetention(retention: RetentionMeasures): readonly Sample[] {
  return [
    sample("durable_streams_trims_total", retention.trims),
    sample("durable_streams_trimmed_bytes_total", retention.trimmedBytes),
    sample("durable_streams_retention_waiting_streams", retention.waitingStreams),
    sample("durable_streams_retention_lag_seconds", retention.lagSeconds),
  ];
}

function measureCompaction(compaction: CompactionMeasures): readonly Sample[] {
  return [
    sample("durable_streams_compactions_total", compaction.compactions),
    sample("durable_streams_compaction_read_bytes_total", compaction.bytesBefore),
    sample("durable_streams_compaction_written_bytes_total", compaction.bytesAfter),
  ];
}

function measureCluster(cluster: ClusterMeasures): readonly Sample[] {
  return [
    ...samplesBy("durable_streams_cluster_publishes_total", {
      stored: cluster.stored,
      refused: cluster.refused,
      unknown: cluster.unknown,
      unavailable: cluster.unavailable,
    }),
    sample("durable_streams_cluster_publish_duration_seconds", cluster.publishDurationSeconds),
    sample("durable_streams_cluster_races_lost_total", cluster.lostRaces),
    sample("durable_streams_cluster_forwarded_appends_total", cluster.forwardedAppends),
    sample("durable_streams_cluster_forward_timeouts_total", cluster.forwardTimeouts),
    sample("durable_streams_cluster_reconnects_total", cluster.reconnects),
    sample("durable_streams_cluster_watched_streams", cluster.watchedStreams),
    sample("durable_streams_cluster_cached_bytes", cluster.cachedBytes),
  ];
}

function measureDeliveries({ inFlight, ...outcomes }: DeliveryMeasures): readonly Sample[] {
  return [
    sample("durable_streams_webhooks_in_flight", inFlight),
    ...samplesBy("durable_streams_webhook_deliveries_total", outcomes),
  ];
}
