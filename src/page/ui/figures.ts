const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes for people: `3.4 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A count for people: `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

const STEPS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** A length of time for people, coarsely: `3 min`; `now` where it is less than a second. */
export function formatDuration(ms: number): string {
  const [lengthMs, unit] = STEPS.find(([lengthMs]) => ms >= lengthMs) ?? [0, ""];
  return lengthMs === 0 ? "now" : `${Math.floor(ms / lengthMs)} ${unit}`;
}

/** How long ago something was, for people: `3 min ago`; `now` also where it is still to come. */
export function formatAge(ms: number): string {
  const age = formatDuration(ms);
  return age === "now" ? age : `${age} ago`;
}

/** A length of time for people, to the second: `1 d 02:03:04`. */
export function formatCountdown(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / 86_400);
  const clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60]
    .map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
  return days > 0 ? `${days} d ${clock}` : clock;
}

/** A time given as milliseconds or as RFC 3339, in milliseconds since 1970. */
export function timeOf(time: number | string | null | undefined): number | undefined {
  if (time === null || time === undefined) return undefined;
  const ms = typeof time === "number" ? time : Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}
