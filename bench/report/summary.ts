import type { Measurement } from "../generator/commands.ts";
import type { Peer } from "../peers/peer.ts";
import type { Sample } from "../run/run.ts";
import type { PlannedCase } from "../run/selection.ts";
import { median, medianOfKnown, type Spread, spreadOfKnown } from "./stats.ts";

/** The peer that every other one is also set against. */
const NATIVE = "native";
/** A server that keeps less than this share of the pace it was asked for is noted. */
const PACE_KEPT = 0.95;

/** One line of a table: a server in a case, over all rounds. */
export interface Row {
  readonly server: string;
  readonly ceiling: string;
  readonly rate: Spread;
  /** Each round's ratio to the ceiling, and to the native server, of the same round. */
  readonly ofCeiling: Spread | undefined;
  readonly ofNative: Spread | undefined;
  readonly p50Millis: number | undefined;
  readonly p99Millis: Spread | undefined;
  readonly p99OfNative: Spread | undefined;
  readonly p999Millis: number | undefined;
  readonly cpuMicrosPerUnit: Spread | undefined;
  /** CPU time a unit through the ceiling's and the native server's: 2 means twice as much. */
  readonly cpuOfCeiling: Spread | undefined;
  readonly cpuOfNative: Spread | undefined;
  readonly afterCpuMicrosPerUnit: number | undefined;
  readonly writtenBytesPerUnit: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly openFiles: number | undefined;
  readonly serverBusy: number | undefined;
  readonly generatorBusy: number;
  /** Whether it did not keep the pace it was asked for. */
  readonly fellBehind: boolean;
  readonly figures: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly firstError: string | undefined;
}

/** The table of one case. */
export interface Table {
  readonly case: string;
  readonly title: string;
  readonly rateUnit: string;
  readonly unit: string;
  readonly paced: boolean;
  readonly rows: readonly Row[];
}

/** Turns samples into a table a case. */
export function summarize(
  samples: readonly Sample[],
  peers: readonly Peer[],
  cases: readonly PlannedCase[],
): readonly Table[] {
  return cases.flatMap(({ workload, case: { id, title } }) => {
    const ofCase = samples.filter((sample) => sample.case === id);
    if (ofCase.length === 0) return [];
    const rows = peers.flatMap((peer) => {
      const own = ofCase.filter((sample) => sample.server === peer.name);
      return own.length === 0 ? [] : [summarizeServer(peer, own, ofCase)];
    });
    const { rateUnit, unit, paced = false } = workload;
    return [{ case: id, title, rateUnit, unit, paced, rows }];
  });
}

function summarizeServer(
  peer: Peer,
  samples: readonly Sample[],
  ofCase: readonly Sample[],
): Row {
  const ratios = (to: string, value: (sample: Sample) => number | undefined) =>
    spreadOfKnown(samples.map((sample) => {
      const same = ofCase.find((one) => one.server === to && one.round === sample.round);
      return same === undefined ? undefined : divide(value(sample), value(same));
    }));
  const measured = samples.map((sample) => sample.measurement);
  const middle = (value: (one: Measurement) => number | undefined) =>
    medianOfKnown(measured.map(value));
  const rates = samples.map(rate);
  return {
    server: peer.name,
    ceiling: peer.ceiling,
    rate: { median: median(rates), min: Math.min(...rates), max: Math.max(...rates) },
    ofCeiling: ratios(peer.ceiling, rate),
    ofNative: ratios(NATIVE, rate),
    p50Millis: middle((one) => one.p50Millis),
    p99Millis: spreadOfKnown(measured.map((one) => one.p99Millis)),
    p99OfNative: ratios(NATIVE, (sample) => sample.measurement.p99Millis),
    p999Millis: middle((one) => one.p999Millis),
    cpuMicrosPerUnit: spreadOfKnown(samples.map(cpuMicros)),
    cpuOfCeiling: ratios(peer.ceiling, cpuMicros),
    cpuOfNative: ratios(NATIVE, cpuMicros),
    afterCpuMicrosPerUnit: medianOfKnown(
      samples.map((one) => divide(one.afterCpuMicros, one.measurement.units / one.windowShare)),
    ),
    writtenBytesPerUnit: middle((one) => divide(one.server?.diskWrittenBytes, one.units)),
    memoryBytes: middle((one) => one.server?.memoryBytes),
    openFiles: middle((one) => one.server?.openFiles),
    serverBusy: middle((one) => divide(one.server?.cpuMicros, one.seconds * 1e6)),
    generatorBusy: median(measured.map((one) => one.generatorBusy)),
    fellBehind: measured.some(fellBehind),
    figures: medianFigures(measured),
    errors: measured.reduce((sum, one) => sum + one.errors, 0),
    firstError: measured.find((one) => one.firstError !== undefined)?.firstError,
  };
}

function medianFigures(measured: readonly Measurement[]): Record<string, number> {
  const names = new Set(measured.flatMap((one) => Object.keys(one.figures ?? {})));
  const figures: Record<string, number> = {};
  for (const name of names) {
    const value = medianOfKnown(measured.map((one) => one.figures?.[name]));
    if (value !== undefined) figures[name] = value;
  }
  return figures;
}

function fellBehind({ units, askedUnits }: Measurement): boolean {
  return askedUnits !== undefined && units < askedUnits * PACE_KEPT;
}

function rate(sample: Sample): number {
  return sample.measurement.units / sample.measurement.seconds;
}

function cpuMicros(sample: Sample): number | undefined {
  return divide(sample.measurement.server?.cpuMicros, sample.measurement.units);
}

function divide(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined || by === 0 ? undefined : value / by;
}
