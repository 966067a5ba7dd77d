import { addHistograms, type HistogramValue } from "./histogram.ts";
import { familyOf, type MetricName } from "./families.ts";

/** One series at one time, as plain data that goes to other threads. */
export interface Sample {
  readonly name: MetricName;
  /** The values of the family's labels, in their order. */
  readonly labels?: readonly string[];
  readonly value: number | HistogramValue;
}

/** Shorthand for a series without labels. */
export function sample(name: MetricName, value: Sample["value"]): Sample {
  return { name, value };
}

/** A series for each value of a family's only label. */
export function samplesBy(
  name: MetricName,
  values: Readonly<Record<string, number>>,
): readonly Sample[] {
  return Object.entries(values).map(([label, value]) => ({ name, labels: [label], value }));
}

/** What several threads have counted, as one: sums, or the largest where a family says so. */
export function mergeSamples(threads: readonly (readonly Sample[])[]): readonly Sample[] {
  const merged = new Map<string, Sample>();
  for (const sample of threads.flat()) {
    const key = [sample.name, ...sample.labels ?? []].join("\0");
    const known = merged.get(key);
    merged.set(key, known === undefined ? sample : { ...sample, value: merge(known, sample) });
  }
  return [...merged.values()];
}

function merge(one: Sample, other: Sample): Sample["value"] {
  if (typeof one.value !== "number") {
    return typeof other.value === "number" ? one.value : addHistograms(one.value, other.value);
  }
  if (typeof other.value !== "number") return one.value;
  return familyOf(one.name).isMax === true
    ? Math.max(one.value, other.value)
    : one.value + other.value;
}
