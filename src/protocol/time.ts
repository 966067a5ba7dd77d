const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** An RFC 3339 time in ms since 1970, cut to whole ones; `undefined` for anything else. */
export function parseTime(value: string): number | undefined {
  return isCalendarTime(value) ? Date.parse(value.toUpperCase()) : undefined;
}

/** `Date.parse` takes the 31st of February for the 3rd of March, and 24:00 for the next day. */
function isCalendarTime(value: string): boolean {
  const match = RFC3339.exec(value);
  if (match === null) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth;
}
