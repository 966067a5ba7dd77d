/** The entries that have a value: an explicit `undefined` is the same as left out. */
export function defined<Value>(
  entries: Readonly<Record<string, Value | undefined>>,
): Record<string, Value>;
export function defined<Entries extends object>(
  entries: Entries,
): { [Name in keyof Entries]?: Exclude<Entries[Name], undefined> };
export function defined(entries: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}
