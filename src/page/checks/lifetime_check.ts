/** How long a new stream is to live, as the form has it. */
export interface LifetimeInput {
  readonly kind: "forever" | "ttl" | "until";
  /** The TTL's number, in `unit`. */
  readonly amount: string;
  readonly unit: LifetimeUnit;
  /** A time of the reader's own zone, as `<input type="datetime-local">` has it: `2030-01-31T12:00`. */
  readonly until: string;
}

/** A unit that a TTL is given in. */
export type LifetimeUnit = "seconds" | "minutes" | "hours" | "days";

const UNIT_SECONDS: Readonly<Record<LifetimeUnit, number>> = {
  seconds: 1,
  minutes: 60,
  hours: 3_600,
  days: 86_400,
};

/** Every unit, shortest first. */
export const LIFETIME_UNITS: readonly LifetimeUnit[] = ["seconds", "minutes", "hours", "days"];

/** As long as the server takes: a hundred years. */
const MAX_TTL_SECONDS = 3_153_600_000;

/** A lifetime's headers (PROTOCOL §5.1), or why there are none. */
export type LifetimeCheck =
  | { readonly kind: "good"; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: "bad"; readonly why: string };

/** The headers of a create that ask for this lifetime. @param nowMs milliseconds since 1970 */
export function checkLifetime(input: LifetimeInput, nowMs: number): LifetimeCheck {
  if (input.kind === "forever") return { kind: "good", headers: {} };
  if (input.kind === "ttl") {
    const seconds = Number(input.amount) * UNIT_SECONDS[input.unit];
    if (!/^\d+$/.test(input.amount) || seconds < 1 || seconds > MAX_TTL_SECONDS) {
      return { kind: "bad", why: "Give a whole number, from a second to a hundred years." };
    }
    return { kind: "good", headers: { "stream-ttl": String(seconds) } };
  }
  const untilMs = Date.parse(input.until);
  if (Number.isNaN(untilMs)) return { kind: "bad", why: "Give a day and a time." };
  if (untilMs <= nowMs) return { kind: "bad", why: "That time is over: give a later one." };
  return { kind: "good", headers: { "stream-expires-at": new Date(untilMs).toISOString() } };
}
