/** The names that begin with `prefix` and come after `after`; both may be empty. */
export interface NameRange {
  readonly prefix: string;
  readonly after: string;
}

/**
 * Which of two names comes first: below 0 for `a`. By their bytes in UTF-8, which is the order of code
 * points and the one that a database keeps; JavaScript's `<` goes by UTF-16 units.
 */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitOfA = a.charCodeAt(i);
    const unitOfB = b.charCodeAt(i);
    if (unitOfA !== unitOfB) return rank(unitOfA) - rank(unitOfB);
  }
  return a.length - b.length;
}

/** Whether a name comes before all those of a range. */
export function isBeforeRange(name: string, { prefix, after }: NameRange): boolean {
  return compareNames(name, after) <= 0 || compareNames(name, prefix) < 0;
}

/** The first of all strings after those that begin with `prefix`, `undefined` where there is none. */
export function endOfPrefix(prefix: string): string | undefined {
  const characters = [...prefix];
  while (true) {
    const last = characters.pop()?.codePointAt(0);
    if (last === undefined) return undefined;
    if (last === 0x10_ffff) continue;
    return `${characters.join("")}${String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1)}`;
  }
}

/** Surrogates, halves of code points above U+FFFF, come before U+E000 to U+FFFF in UTF-16 only. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
