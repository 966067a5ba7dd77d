import { BadValue, type Flag, optionalFlag } from "./flag.ts";

/** Where `tail` begins: with the last messages or lines, or with one of them counted from the start. */
export interface TailCount {
  readonly kind: "last" | "from";
  /** For `last` how many; for `from` the number of the first, counted from 1. */
  readonly count: number;
}

const MAX_COUNT = 10_000_000;
/** `-2` means 2, as in other programs of this kind. */
const FORM = /^([+-]?)(\d+)$/;

/** `-n` of `tail`. */
export function tailCountFlag(defaultCount: number): Flag<TailCount | undefined> {
  return optionalFlag({
    name: "lines",
    short: "n",
    placeholder: "number",
    help: `Begin with so many messages or lines before the tail, ${defaultCount} unless given; ` +
      "+N begins with the Nth of the stream.",
    accepts: `a whole number from 0 to ${MAX_COUNT}, or +N for the Nth message or line and on`,
    default: { kind: "last", count: defaultCount },
    defaultText: String(defaultCount),
    commandLineOnly: true,
    parse(text) {
      const [, sign, digits] = FORM.exec(text) ?? [];
      const count = Number(digits);
      if (digits === undefined || (sign !== "+" && count > MAX_COUNT)) throw new BadValue();
      if (!Number.isSafeInteger(count)) throw new BadValue();
      return { kind: sign === "+" ? "from" : "last", count };
    },
  });
}
