/** The entries that have a value: what is left out is not sent. */
export function defined(
  entries: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(entries)) {
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
