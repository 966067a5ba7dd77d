/** The text is no duration or size; the message says what is accepted. */
export class UnitError extends Error {
  override readonly name = "UnitError";
}

type Unit = readonly [name: string, worth: number];

const DURATIONS: readonly Unit[] = [
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];
const SIZES: readonly Unit[] = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10], ["B", 1]];

/** The form that {@link parseDuration} accepts, for messages and help. */
export const DURATION_FORM = "a whole number with ms, s, m, h, d or w (500ms, 30s, 5m, 1h, 7d)";

/** The form that {@link parseSize} accepts, for messages and help. */
export const SIZE_FORM =
  "a whole number of bytes, or one with B, KiB, MiB or GiB (512, 64KiB, 1MiB)";

/**
 * Milliseconds in a text like `500ms`, `30s`, `5m`, `1h` or `7d`. Only whole numbers, so that nothing is
 * rounded, and never without a unit: seconds and milliseconds are too easy to confuse.
 *
 * @throws {UnitError}
 */
export function parseDuration(text: string): number {
  const value = parse(text, DURATIONS);
  if (value === undefined) {
    throw new UnitError(`${JSON.stringify(text)} is not a duration: write ${DURATION_FORM}`);
  }
  return value;
}

/**
 * Bytes in a text like `512`, `64KiB`, `1MiB` or `2GiB`. `KB` and `MB` mean a thousand to some and
 * 1,024 to others, so they are rejected.
 *
 * @throws {UnitError}
 */
export function parseSize(text: string): number {
  const value = /^\d+$/.test(text) ? parse(`${text}B`, SIZES) : parse(text, SIZES);
  if (value === undefined) {
    throw new UnitError(`${JSON.stringify(text)} is not a size: write ${SIZE_FORM}`);
  }
  return value;
}

/** The shortest text that {@link parseDuration} reads as exactly these milliseconds. */
export function formatDuration(ms: number): string {
  return format(ms, DURATIONS);
}

/** The shortest text that {@link parseSize} reads as exactly these bytes. */
export function formatSize(bytes: number): string {
  const text = format(bytes, SIZES);
  return text.endsWith("iB") ? text : text.slice(0, -1);
}

function parse(text: string, units: readonly Unit[]): number | undefined {
  const [, digits, name] = /^(\d+)([A-Za-z]+)$/.exec(text) ?? [];
  const worth = units.find((unit) => unit[0] === name)?.[1];
  if (digits === undefined || worth === undefined) return undefined;
  const value = Number(digits) * worth;
  return Number.isSafeInteger(value) ? value : undefined;
}

function format(value: number, units: readonly Unit[]): string {
  for (const [name, worth] of units) {
    if (value !== 0 && value % worth === 0) return `${value / worth}${name}`;
  }
  return `${value}${units.at(-1)?.[0] ?? ""}`;
}
