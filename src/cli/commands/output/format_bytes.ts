const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

/** A number of bytes as people read it: `3.4MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)}${UNITS[unit]}`;
}
