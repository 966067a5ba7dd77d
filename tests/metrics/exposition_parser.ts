/** A family as a scrape has it. */
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string | undefined;
  readonly series: readonly ParsedSeries[];
}

/** A series: a line that isn't a comment. */
export interface ParsedSeries {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const NUMBER = /^(?:[+-]Inf|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  info: ["_info"],
  histogram: ["_bucket", "_sum", "_count"],
};

/** Reads a scrape by the rules of its format, and throws at the first line that breaks one. */
export function parseExposition(text: string, format: "text" | "openmetrics"): ParsedFamily[] {
  if (!text.endsWith("\n")) throw new Error("The last line doesn't end.");
  const lines = text.slice(0, -1).split("\n");
  if (format === "openmetrics" && lines.pop() !== "# EOF") {
    throw new Error("It doesn't end in # EOF.");
  }
  const families: (ParsedFamily & { series: ParsedSeries[] })[] = [];
  const heads = new Map<string, Map<string, string>>();
  let head = new Map<string, string>();
  const fail = (line: string, why: string) => new Error(`${why}: ${line}`);
  for (const line of lines) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? [];
    if (kind !== undefined) {
      if (!NAME.test(name)) throw fail(line, "No name");
      if (!heads.has(name)) heads.set(name, head = new Map());
      else if (heads.get(name) !== head) throw fail(line, "A family in two places");
      if (head.has(kind)) throw fail(line, `${kind} twice`);
      head.set(kind, unescape(rest, line));
      if (kind === "UNIT" && !name.endsWith(`_${rest}`)) throw fail(line, "The unit isn't its end");
      continue;
    }
    if (line.startsWith("#") || line === "") throw fail(line, "Neither comment nor series");
    const series = parseSeries(line);
    const current = families.at(-1);
    const base = [...heads.keys()].at(-1) ?? "";
    const type = head.get("TYPE");
    if (type === undefined || !head.has("HELP")) throw fail(line, "No TYPE or HELP before it");
    const suffixes = format === "text" && type !== "histogram" ? [""] : SUFFIXES[type] ?? [];
    if (!suffixes.some((suffix) => series.name === base + suffix)) {
      throw fail(line, `Not of the ${type} ${base}`);
    }
    if (type === "counter" && !series.name.endsWith("_total")) throw fail(line, "No _total");
    if (current?.name === base) current.series.push(series);
    else {
      const help = head.get("HELP") ?? "";
      families.push({ name: base, type, help, unit: head.get("UNIT"), series: [series] });
    }
  }
  for (const family of families) checkFamily(family, format);
  return families;
}

function parseSeries(line: string): ParsedSeries {
  const [, name = "", , pairs = "", value = ""] = /^([^{ ]+)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (!NAME.test(name) || !NUMBER.test(value)) throw new Error(`No series: ${line}`);
  const labels = new Map<string, string>();
  let rest = pairs;
  while (rest !== "") {
    const [whole = "", label = "", text = ""] =
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,(?=.)|$)/.exec(rest) ?? [];
    if (whole === "") throw new Error(`No label at ${rest}: ${line}`);
    if (labels.has(label)) throw new Error(`A label twice: ${line}`);
    labels.set(label, unescape(text, line));
    rest = rest.slice(whole.length);
  }
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

function unescape(text: string, line: string): string {
  return text.replaceAll(/\\(.?)/g, (_, escaped) => {
    if (escaped === "n") return "\n";
    if (escaped === "\\" || escaped === '"') return escaped;
    throw new Error(`A bad escape: ${line}`);
  });
}

function checkFamily({ name, type, series }: ParsedFamily, format: string): void {
  const seen = new Set<string>();
  for (const each of series) {
    const labels = [...each.labels.keys()].filter((label) => label !== "le");
    if (labels.join() !== [...labels].sort().join()) throw new Error(`${name}: labels not sorted`);
    const key = JSON.stringify([each.name, ...each.labels]);
    if (seen.has(key)) throw new Error(`A series twice: ${key}`);
    seen.add(key);
  }
  if (type !== "histogram") return;
  const histograms = Map.groupBy(
    series,
    ({ labels }) => JSON.stringify([...labels].filter(([label]) => label !== "le")),
  );
  for (const each of histograms.values()) checkHistogram(name, each, format);
}

/** The series of one histogram. */
function checkHistogram(name: string, series: ParsedFamily["series"], format: string): void {
  const buckets = series.filter((each) => each.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => labels.get("le") ?? "");
  const count = series.find((each) => each.name === `${name}_count`)?.value;
  const isRising = buckets.every(({ value }, i) => value >= (buckets[i - 1]?.value ?? 0));
  if (bounds.at(-1) !== "+Inf" || !isRising || buckets.at(-1)?.value !== count) {
    throw new Error(`${name}: its buckets don't add up`);
  }
  if (format === "openmetrics" && bounds.some((bound) => /^\d+$/.test(bound))) {
    throw new Error(`${name}: a bound that is no float`);
  }
}
