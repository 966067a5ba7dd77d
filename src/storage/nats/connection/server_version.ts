/** Older ones sync each message by itself: they are 10 to 30 times slower where they sync before they answer. */
export const LEAST_VERSION = "2.15.0";

/** Whether a server of this version will do. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = partsOf(version);
  const [leastMajor = 0, leastMinor = 0] = partsOf(LEAST_VERSION);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

function partsOf(version: string): number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10) || 0);
}
