import { OFFSET_PATTERN } from "../../../protocol/offset.ts";

const OFFSET = new RegExp(`^(?:-1|${OFFSET_PATTERN})$`);
const TIME_OF_DAY = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

/** Where somebody wants to go. */
export type JumpPlace = { readonly offset: string } | { readonly time: string };

/**
 * The place that a text names, if any: an offset of the stream, or a time in the browser's zone, of which the
 * hour and minute alone are the last ones that there were.
 *
 * @param nowMs in ms since 1970
 */
export function placeOf(text: string, nowMs: number): JumpPlace | undefined {
  if (OFFSET.test(text)) return { offset: text };
  const ofDay = TIME_OF_DAY.exec(text);
  if (ofDay !== null) return { time: lastTime(ofDay, nowMs).toISOString() };
  // Browsers take "shop 7" for a day in 2001.
  const ms = /^\d{4}-\d\d-\d\d(?:$|[T ])/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? undefined : { time: new Date(ms).toISOString() };
}

function lastTime([, hour, minute, second = "0"]: readonly string[], nowMs: number): Date {
  const time = new Date(nowMs);
  time.setHours(Number(hour), Number(minute), Number(second), 0);
  if (time.getTime() > nowMs) time.setDate(time.getDate() - 1);
  return time;
}
