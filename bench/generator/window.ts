import process from "node:process";
import {
  processCpuMicros,
  processFetchedBytes,
  processMemoryBytes,
  processOpenFiles,
} from "../system/process_figures.ts";
import { diskWrittenBytes } from "../system/disk_stat.ts";
import type { ServerUse, Watched } from "./commands.ts";

/** What was used between two moments. */
export interface Usage {
  readonly seconds: number;
  readonly server: ServerUse | undefined;
  /** Share of one core that this process used, 0 to 1. */
  readonly generatorBusy: number;
}

interface Counters {
  readonly cpuMicros: number;
  readonly diskWrittenBytes: number | undefined;
  readonly fetchedBytes: number | undefined;
  readonly clusterCpuMicros: number | undefined;
}

/** Notes time and what the server has used at its start, and says at its end what was used since. */
export class Window {
  readonly #watched: Watched;
  readonly #startMillis: number;
  readonly #before: Counters | undefined;
  readonly #own: { readonly user: number; readonly system: number };

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#before = readCounters(watched);
    this.#own = process.cpuUsage();
    this.#startMillis = performance.now();
  }

  /** What was used since this window was made. */
  end(): Usage {
    const seconds = (performance.now() - this.#startMillis) / 1000;
    const own = process.cpuUsage(this.#own);
    return {
      seconds,
      server: this.#serverUse(),
      generatorBusy: (own.user + own.system) / (seconds * 1e6),
    };
  }

  #serverUse(): ServerUse | undefined {
    const { pid, otherPids = [], clusterPids = [] } = this.#watched;
    const before = this.#before;
    const now = readCounters(this.#watched);
    if (pid === undefined || before === undefined || now === undefined) return undefined;
    return {
      cpuMicros: now.cpuMicros - before.cpuMicros,
      diskWrittenBytes: difference(now.diskWrittenBytes, before.diskWrittenBytes),
      fetchedBytes: difference(now.fetchedBytes, before.fetchedBytes),
      memoryBytes: sum([pid, ...otherPids], processMemoryBytes),
      openFiles: sum([pid, ...otherPids], processOpenFiles),
      clusterCpuMicros: difference(now.clusterCpuMicros, before.clusterCpuMicros),
      clusterMemoryBytes: sum(clusterPids, processMemoryBytes),
    };
  }
}

function readCounters(watched: Watched): Counters | undefined {
  const { pid, otherPids = [], clusterPids = [], diskStat } = watched;
  const cpuMicros = pid === undefined ? undefined : sum([pid, ...otherPids], processCpuMicros);
  if (pid === undefined || cpuMicros === undefined) return undefined;
  return {
    cpuMicros,
    diskWrittenBytes: diskStat === undefined ? undefined : diskWrittenBytes(diskStat),
    fetchedBytes: processFetchedBytes(pid),
    clusterCpuMicros: sum(clusterPids, processCpuMicros),
  };
}

/** Undefined where there are none, or one of them can't be seen. */
function sum(
  pids: readonly number[],
  figure: (pid: number) => number | undefined,
): number | undefined {
  let total: number | undefined;
  for (const pid of pids) {
    const one = figure(pid);
    if (one === undefined) return undefined;
    total = (total ?? 0) + one;
  }
  return total;
}

function difference(now: number | undefined, before: number | undefined): number | undefined {
  return now === undefined || before === undefined ? undefined : now - before;
}
