import type { Measurement } from "../generator/commands.ts";
import type { StreamSet } from "../generator/requests.ts";
import { directoryBytes } from "../system/disk.ts";
import { dropFromCache } from "../system/page_cache.ts";
import { processMemoryBytes, processOpenFiles } from "../system/process_figures.ts";
import { waitUntilIdle } from "../processes/server.ts";
import { counted } from "./names.ts";
import type { Case, Selection, Trial, Workload } from "./workload.ts";

const BODY_BYTES = 100;
const READS = 10_000;
const CONNECTIONS = 16;
const READS_ALONE = 2000;
const MADE_A_SECOND = 4000;
const IDLE_CPU_MICROS = 50_000;
const IDLE_WAITS = 20;
const MIB = 2 ** 20;

/**
 * Many streams with one append each; then a kill, a start, and cold reads at random: by several
 * connections, where each waits for the others, and after another start by one, which shows what a read
 * takes by itself.
 */
export const SCALE: Workload = {
  name: "scale",
  rateUnit: "reads/s",
  unit: "read",
  cases: () => [scale(10_000, "default"), scale(100_000, "all"), scale(1_000_000, "all")],
};

function scale(count: number, selection: Selection): Case {
  return {
    id: `scale/${count}`,
    title: `scale: ${counted(count, "stream")} of ${BODY_BYTES} B, killed and started, ${
      READS.toLocaleString("en-US")
    } read at random`,
    selection,
    setup: { fresh: true },
    needsEngine: true,
    restarts: true,
    onceOnly: true,
    extraSeconds: 2 * count / MADE_A_SECOND + 2,
    run: (trial) => runScale(count, trial),
  };
}

async function runScale(count: number, trial: Trial) {
  const { generator, server } = trial;
  const contentType = "application/octet-stream";
  const { target } = server;
  const streams = { prefix: `${server.prefix}/bench-scale-`, count };
  const begun = performance.now();
  await generator.prepare({ op: "create", target, streams, contentType }, count);
  await generator.prepare(
    { op: "append-each", target, streams, contentType, bodyBytes: BODY_BYTES },
    count,
  );
  const madeSeconds = (performance.now() - begun) / 1000;
  const before = held(server.watched.pid);
  const disk = directoryBytes(server.directory);
  const startSeconds = await server.restart("SIGKILL");
  const measured = await readCold(trial, streams, CONNECTIONS, READS);
  await server.restart("SIGTERM");
  await untilIdle(server.watched.pid);
  const alone = await readCold(trial, streams, 1, READS_ALONE);
  return {
    ...measured,
    errors: measured.errors + alone.errors,
    firstError: measured.firstError ?? alone.firstError,
    figures: {
      "streams made/s": count / madeSeconds,
      "MiB of memory before the kill": before.memoryBytes / MIB,
      "open files before the kill": before.openFiles,
      "s to start": startSeconds,
      "ms p50 of a read when one is asked for at a time": alone.p50Millis ?? NaN,
      "ms p99": alone.p99Millis ?? NaN,
      ...(disk === undefined ? {} : { "B of disk/stream": disk / count }),
    },
  };
}

/** Reads at random from a server that has just started, with none of its files in the page cache. */
async function readCold(
  { generator, server, seconds }: Trial,
  streams: StreamSet,
  connections: number,
  limitReads: number,
): Promise<Measurement> {
  await dropFromCache(server.directory);
  return await generator.measure({
    op: "read-random",
    target: server.target,
    watched: server.watched,
    connections,
    warmSeconds: 0,
    seconds: Math.max(seconds, 10),
    streams,
    bodyBytes: BODY_BYTES,
    limitReads,
  });
}

/** What a stop left to the next start is done there, beside the reads. */
async function untilIdle(pid: number | undefined): Promise<void> {
  for (let waits = 0; waits < IDLE_WAITS; waits++) {
    if ((await waitUntilIdle(pid) ?? 0) <= IDLE_CPU_MICROS) return;
  }
}

function held(pid: number | undefined) {
  return {
    memoryBytes: (pid === undefined ? undefined : processMemoryBytes(pid)) ?? NaN,
    openFiles: (pid === undefined ? undefined : processOpenFiles(pid)) ?? NaN,
  };
}
