/** What a scrape says, by the names of its series. */
export class Scrape {
  readonly #series: ReadonlyMap<string, readonly ScrapedSeries[]>;

  constructor(series: ReadonlyMap<string, readonly ScrapedSeries[]>) {
    this.#series = series;
  }

  /** Whether there is any series of this name. */
  has(name: string): boolean {
    return this.#series.has(name);
  }

  /** The series of this name. */
  of(name: string): readonly ScrapedSeries[] {
    return this.#series.get(name) ?? [];
  }

  /** The sum of the series of this name whose labels have these values. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const wanted = Object.entries(labels);
    return this.of(name)
      .filter((series) => wanted.every(([label, value]) => series.labels[label] === value))
      .reduce((total, { value }) => total + value, 0);
  }
}

/** A line of a scrape. */
export interface ScrapedSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \S+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/**
 * Reads Prometheus' text format, as far as this program writes it; lines that it doesn't know are left out.
 */
export function parseScrape(text: string): Scrape {
  const all = new Map<string, ScrapedSeries[]>();
  for (const line of text.split("\n")) {
    const [, name, pairs = "", number = ""] = line.startsWith("#") ? [] : LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const labels: Record<string, string> = {};
    for (const [, label = "", value = ""] of pairs.matchAll(LABEL)) labels[label] = unescape(value);
    const series = { labels, value: parseNumber(number) };
    const known = all.get(name);
    if (known === undefined) all.set(name, [series]);
    else known.push(series);
  }
  return new Scrape(all);
}

function parseNumber(text: string): number {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped) => escaped === "n" ? "\n" : escaped);
}

/**
 * The value that a part of the observations between two scrapes is at most, by the bounds of a histogram's
 * buckets and evenly within one; `undefined` where there were none.
 *
 * @param part from 0 to 1: 0.99 for the 99th percentile
 */
export function quantileBetween(
  before: Scrape | undefined,
  after: Scrape,
  name: string,
  part: number,
): number | undefined {
  const bucket = `${name}_bucket`;
  let lowerBound = 0;
  let lowerCount = 0;
  const total = delta(before, after, bucket, "+Inf");
  if (!(total > 0)) return undefined;
  const bounds = after.of(bucket).map(({ labels }) => labels["le"] ?? "");
  for (const le of bounds) {
    const count = delta(before, after, bucket, le);
    if (count >= part * total) {
      const bound = parseNumber(le);
      // Above the last bound nobody knows how far.
      if (bound === Infinity || count === lowerCount) return lowerBound;
      return lowerBound + (bound - lowerBound) * (part * total - lowerCount) / (count - lowerCount);
    }
    lowerBound = parseNumber(le);
    lowerCount = count;
  }
  return lowerBound;
}

function delta(before: Scrape | undefined, after: Scrape, name: string, le: string): number {
  const now = after.sum(name, { le });
  const then = before?.sum(name, { le }) ?? 0;
  // The server was started again in between, and counts from nothing.
  return now >= then ? now - then : now;
}
