import type { Activity } from "./activity.ts";
import { formatBytes } from "./format_bytes.ts";

const LABEL_CHARS = 15;

/** What a server does as lines for a terminal, none longer than `columns`. */
export function activityLines(server: string, activity: Activity, columns: number): string[] {
  const a = activity;
  const state = a.ready ? "ready" : `not ready, ${a.state}`;
  const rows: readonly (readonly [string, string])[] = [
    ["appends", `${rate(a.appendsPerSecond)}  ${byteRate(a.appendedBytesPerSecond)}`],
    ["requests", `${rate(a.requestsPerSecond)}  ${rate(a.errorsPerSecond)} errors`],
    [
      "syncs",
      `p50 ${seconds(a.syncP50Seconds)}  p99 ${seconds(a.syncP99Seconds)}  ` +
      `${a.batchRecords === undefined ? "-" : a.batchRecords.toFixed(1)} records a batch`,
    ],
    [
      "readers",
      `${a.sseReaders} sse  ${a.longPolls} long-poll` +
      (a.connections === undefined ? "" : `  ${a.connections} connections`),
    ],
    [
      "log",
      `${formatBytes(a.logBytes)} of ${formatBytes(a.logLimitBytes)}, ` +
      `oldest ${seconds(a.logAgeSeconds)}`,
    ],
    [
      "streams",
      `${a.loadedStreams} loaded  ${a.dirtyStreams} dirty  ${a.setAsideStreams} set aside`,
    ],
    [
      "subscriptions",
      `${a.subscriptions}  ${a.pendingSubscriptions} pending, ` +
      `lag ${seconds(a.subscriptionLagSeconds)}`,
    ],
    [
      "process",
      `${formatBytes(a.memoryBytes)}  cpu ${a.cpuPercent?.toFixed(0) ?? "-"}%  ` +
      `event loop late by ${seconds(a.eventLoopDelaySeconds)}`,
    ],
  ];
  return [
    `${server}  ${state}  up ${seconds(a.uptimeSeconds)}`,
    ...rows.map(([label, text]) => `${label.padEnd(LABEL_CHARS)}${text}`),
  ].map((line) => line.slice(0, columns));
}

/** The same in one line, for what isn't a terminal. */
export function activityLine(activity: Activity): string {
  const a = activity;
  return [
    a.ready ? "ready" : a.state,
    `appends ${rate(a.appendsPerSecond)}`,
    byteRate(a.appendedBytesPerSecond),
    `sync p50 ${seconds(a.syncP50Seconds)} p99 ${seconds(a.syncP99Seconds)}`,
    `readers ${a.sseReaders + a.longPolls}`,
    `log ${formatBytes(a.logBytes)}`,
    `lag ${seconds(a.subscriptionLagSeconds)}`,
    `memory ${formatBytes(a.memoryBytes)}`,
  ].join("  ");
}

function rate(value: number | undefined): string {
  return value === undefined ? "-/s" : `${value.toFixed(value < 10 ? 1 : 0)}/s`;
}

function byteRate(value: number | undefined): string {
  return value === undefined ? "-B/s" : `${formatBytes(value)}/s`;
}

function seconds(value: number | undefined): string {
  if (value === undefined) return "-";
  if (value === 0) return "0s";
  if (value < 0.001) return `${Math.round(value * 1e6)}us`;
  if (value < 1) return `${(value * 1000).toFixed(value < 0.1 ? 1 : 0)}ms`;
  if (value < 120) return `${value.toFixed(1)}s`;
  return value < 7200 ? `${Math.round(value / 60)}min` : `${Math.round(value / 3600)}h`;
}
