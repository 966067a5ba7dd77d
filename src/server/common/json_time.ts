/** A time for JSON; null where there is none. */
export function timeOf(ms: number): string | null {
  return ms > 0 && ms < Infinity ? new Date(ms).toISOString() : null;
}
