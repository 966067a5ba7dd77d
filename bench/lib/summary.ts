import type { Peer } from "../peers/peer.ts";
import type { Workload } from "../workloads/workload.ts";
import type { Sample } from "./run.ts";
import { median, medianOfKnown } from "./stats.ts";

/** One line of a table: a server in a case, over all rounds. */
export interface Row {
  readonly server: string;
  readonly rate: number;
  readonly rateMin: number;
  readonly rateMax: number;
  /** Median of each round's ratio to the ceiling of the same round; undefined without a ceiling. */
  readonly ofCeiling: number | undefined;
  readonly ceiling: string;
  /** The same for CPU time a unit: 2 means twice the ceiling's. */
  readonly cpuOfCeiling: number | undefined;
  readonly p50Millis: number | undefined;
  readonly p99Millis: number | undefined;
  readonly cpuMicrosPerUnit: number | undefined;
  readonly afterCpuMicrosPerUnit: number | undefined;
  readonly serverBusy: number | undefined;
  readonly generatorBusy: number;
  readonly errors: number;
  readonly firstError: string | undefined;
}

/** The table of one case. */
export interface Table {
  readonly case: string;
  readonly rateUnit: string;
  readonly cpuUnit: string;
  readonly rows: readonly Row[];
}

/** Turns samples into a table a case. */
export function summarize(
  samples: readonly Sample[],
  peers: readonly Peer[],
  workloads: readonly Workload[],
): readonly Table[] {
  const names = [...new Set(samples.map((sample) => sample.case))];
  return names.flatMap((name) => {
    const ofCase = samples.filter((sample) => sample.case === name);
    const workload = workloads.find((one) => one.name === ofCase[0]?.workload);
    if (workload === undefined) return [];
    const rows = peers.flatMap((peer) => {
      const own = ofCase.filter((sample) => sample.server === peer.name);
      const ceiling = ofCase.filter((sample) => sample.server === peer.ceiling);
      return own.length === 0 ? [] : [summarizeServer(peer, own, ceiling)];
    });
    return [{ case: name, rateUnit: workload.rateUnit, cpuUnit: workload.cpuUnit, rows }];
  });
}

function summarizeServer(
  peer: Peer,
  samples: readonly Sample[],
  ceiling: readonly Sample[],
): Row {
  const rates = samples.map(rate);
  const ratio = (value: (sample: Sample) => number | undefined) =>
    medianOfKnown(samples.map((sample) => {
      const same = ceiling.find((one) => one.round === sample.round);
      return same === undefined ? undefined : divide(value(sample), value(same));
    }));
  const measured = samples.map((sample) => sample.measurement);
  return {
    server: peer.name,
    rate: median(rates),
    rateMin: Math.min(...rates),
    rateMax: Math.max(...rates),
    ofCeiling: ratio(rate),
    cpuOfCeiling: ratio(cpuMicros),
    ceiling: peer.ceiling,
    p50Millis: medianOfKnown(measured.map((one) => one.p50Millis)),
    p99Millis: medianOfKnown(measured.map((one) => one.p99Millis)),
    cpuMicrosPerUnit: medianOfKnown(samples.map(cpuMicros)),
    afterCpuMicrosPerUnit: medianOfKnown(
      samples.map((one) => divide(one.afterCpuMicros, one.measurement.units / one.windowShare)),
    ),
    serverBusy: medianOfKnown(
      measured.map((one) => divide(one.serverCpuMicros, one.seconds * 1e6)),
    ),
    generatorBusy: median(measured.map((one) => one.generatorBusy)),
    errors: measured.reduce((sum, one) => sum + one.errors, 0),
    firstError: measured.find((one) => one.firstError !== undefined)?.firstError,
  };
}

function rate(sample: Sample): number {
  return sample.measurement.units / sample.measurement.seconds;
}

function cpuMicros(sample: Sample): number | undefined {
  return divide(sample.measurement.serverCpuMicros, sample.measurement.units);
}

function divide(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined || by === 0 ? undefined : value / by;
}
