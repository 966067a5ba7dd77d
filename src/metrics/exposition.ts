import { type Family, familyOf, METRIC_NAMES, type MetricName } from "./families.ts";
import type { HistogramValue } from "./histogram.ts";
import type { Sample } from "./sample.ts";

/** The two forms of a scrape. */
export type ExpositionFormat = "text" | "openmetrics";

/** Their content types. */
export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** The form that an `Accept` asks for: OpenMetrics where it is wanted at least as much as any text. */
export function formatFor(accept: string | null): ExpositionFormat {
  let best = 0;
  let text = 0;
  for (const range of (accept ?? "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const version = parameters.find((each) => each.startsWith("version="));
    const quality = qualityOf(parameters);
    const isKnown = version === undefined || /^version=(?:0\.0\.1|1\.0\.0)$/.test(version);
    if (type === "application/openmetrics-text" && isKnown) best = Math.max(best, quality);
    // What takes anything gets what everything understands.
    if (type === "text/plain" || type === "text/*") text = Math.max(text, quality);
  }
  return best > 0 && best >= text ? "openmetrics" : "text";
}

function qualityOf(parameters: readonly string[]): number {
  const given = parameters.find((each) => each.startsWith("q="));
  if (given === undefined) return 1;
  const quality = Number(given.slice(2));
  return quality >= 0 && quality <= 1 ? quality : 0;
}

/** Writes a scrape: each family once, in a fixed order, its series sorted. */
export function renderSamples(samples: readonly Sample[], format: ExpositionFormat): string {
  const byName = new Map<MetricName, Sample[]>();
  for (const sample of samples) {
    const known = byName.get(sample.name);
    if (known === undefined) byName.set(sample.name, [sample]);
    else known.push(sample);
  }
  const lines: string[] = [];
  for (const name of METRIC_NAMES) {
    const found = byName.get(name);
    if (found === undefined) continue;
    const family = familyOf(name);
    lines.push(...headLines(name, family, format));
    found.sort((a, b) => compare(a.labels ?? [], b.labels ?? []));
    for (const sample of found) lines.push(...seriesLines(sample, family, format));
  }
  if (format === "openmetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function compare(one: readonly string[], other: readonly string[]): number {
  const i = one.findIndex((value, at) => value !== other[at]);
  if (i < 0) return 0;
  return (one[i] ?? "") < (other[i] ?? "") ? -1 : 1;
}

function headLines(name: MetricName, family: Family, format: ExpositionFormat): string[] {
  const { help, type, unit } = family;
  if (format === "text") {
    const plain = type === "info" ? "gauge" : type;
    return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${plain}`];
  }
  // OpenMetrics names the family, without what its series end in.
  const base = type === "counter" || type === "info" ? name.replace(/_(?:total|info)$/, "") : name;
  return [
    `# TYPE ${base} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${base} ${unit}`]),
    `# HELP ${base} ${escapeLabel(help)}`,
  ];
}

function seriesLines(
  { name, labels = [], value }: Sample,
  family: Family,
  format: ExpositionFormat,
): string[] {
  const pairs = (family.labels ?? []).map((label, i) =>
    `${label}="${escapeLabel(labels[i] ?? "")}"`
  );
  if (typeof value !== "number") return histogramLines(name, pairs, value, format);
  return [`${name}${inBraces(pairs)} ${formatNumber(value)}`];
}

function histogramLines(
  name: MetricName,
  pairs: readonly string[],
  { bounds, counts, sum }: HistogramValue,
  format: ExpositionFormat,
): string[] {
  let total = 0;
  const buckets = counts.map((count, i) => {
    total += count;
    const le = formatBound(bounds[i] ?? Infinity, format);
    return `${name}_bucket${inBraces([...pairs, `le="${le}"`])} ${total}`;
  });
  return [
    ...buckets,
    `${name}_sum${inBraces(pairs)} ${formatNumber(sum)}`,
    `${name}_count${inBraces(pairs)} ${total}`,
  ];
}

function inBraces(pairs: readonly string[]): string {
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

/** OpenMetrics wants a bound to look like a float, so that it is the same series everywhere. */
function formatBound(bound: number, format: ExpositionFormat): string {
  if (bound === Infinity) return "+Inf";
  const text = bound < 0.001 ? bound.toFixed(6).replace(/0+$/, "") : String(bound);
  return format === "openmetrics" && Number.isInteger(bound) ? `${text}.0` : text;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
