import { directoryBytes } from "../lib/disk.ts";
import { dropFromCache } from "../lib/page_cache.ts";
import { processMemoryBytes, processOpenFiles } from "../lib/process_figures.ts";
import { counted } from "./names.ts";
import type { Case, Selection, Trial, Workload } from "./workload.ts";

const BODY_BYTES = 100;
const READS = 10_000;
const CONNECTIONS = 16;
const MADE_A_SECOND = 4000;
const MIB = 2 ** 20;

/** Many streams with one append each; then a kill, a start, and reads at random. */
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
  const { generator, server, seconds } = trial;
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
  await dropFromCache(server.directory);
  const measured = await generator.measure({
    op: "read-random",
    target: server.target,
    watched: server.watched,
    connections: CONNECTIONS,
    warmSeconds: 0,
    seconds: Math.max(seconds, 10),
    streams,
    bodyBytes: BODY_BYTES,
    limitReads: READS,
  });
  return {
    ...measured,
    figures: {
      "streams made/s": count / madeSeconds,
      "MiB of memory before the kill": before.memoryBytes / MIB,
      "open files before the kill": before.openFiles,
      "s to start": startSeconds,
      ...(disk === undefined ? {} : { "B of disk/stream": disk / count }),
    },
  };
}

function held(pid: number | undefined) {
  return {
    memoryBytes: (pid === undefined ? undefined : processMemoryBytes(pid)) ?? NaN,
    openFiles: (pid === undefined ? undefined : processOpenFiles(pid)) ?? NaN,
  };
}
