import type { FeedSample } from "../../api/feed.ts";
import type { PlotData } from "./plot.ts";

/** Rates of streams beside each other, a point a second since they were chosen. */
export interface Comparison {
  readonly names: readonly string[];
  readonly t: readonly number[];
  /** For each name, bytes a second. */
  readonly rates: readonly (readonly (number | null)[])[];
}

const POINTS_LIMIT = 300;

/** A comparison that has no points yet. */
export function comparisonOf(names: readonly string[]): Comparison {
  return { names, t: [], rates: names.map(() => []) };
}

/** The comparison a second later; the same where the sample has nothing about its streams. */
export function withRates(comparison: Comparison, { t, rates }: FeedSample): Comparison {
  if (rates === undefined || comparison.names.length === 0) return comparison;
  const cut = Math.max(0, comparison.t.length + 1 - POINTS_LIMIT);
  const rateOf = (name: string) => Object.hasOwn(rates, name) ? rates[name]?.bytesPerS : undefined;
  return {
    names: comparison.names,
    t: [...comparison.t.slice(cut), t],
    rates: comparison.names.map((name, index) => [
      ...(comparison.rates[index] ?? []).slice(cut),
      rateOf(name) ?? null,
    ]),
  };
}

/** As a chart shows it. */
export function comparisonData({ names, t, rates }: Comparison): PlotData {
  return {
    t,
    lines: names.map((label, index) => ({
      label,
      color: index === 0 ? 1 : 2,
      values: rates[index] ?? [],
    })),
  };
}
