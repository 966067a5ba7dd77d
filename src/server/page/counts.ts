import process from "node:process";
import type { ProcessCounts, ThreadCounts } from "../figures/counts.ts";
import { isServerFault } from "../common/errors.ts";
import type { ServerContext } from "../verbs/context.ts";

/** What this thread has counted: a few numbers that are there anyway. */
export function countThread({ liveReaders, connections, counters }: ServerContext): ThreadCounts {
  let errors = counters.internalErrors;
  let failures = counters.internalErrors;
  for (const [code, count] of counters.errors) {
    errors += count;
    if (isServerFault(code)) failures += count;
  }
  return { readers: liveReaders.size, connections: connections?.open, errors, failures };
}

/** What there is once in a process. */
export function countProcess({ storage, clock }: ServerContext): ProcessCounts {
  const measures = storage.measure?.();
  const { commands, log } = measures ?? {};
  const hasLog = log !== undefined && log.limitBytes > 0;
  return {
    atMs: clock.nowMs(),
    appends: commands?.appends,
    appendedBytes: commands?.appendedBytes,
    changes: commands && commands.created + commands.deleted + (measures?.heardChanges ?? 0),
    syncSeconds: hasLog ? log.syncDurationSeconds : undefined,
    checkpointSeconds: hasLog ? measures?.checkpointDurationSeconds : undefined,
    logBytes: hasLog ? storage.status().figures.logBytes : undefined,
    memoryBytes: process.memoryUsage().rss,
  };
}
