import { BadValue, type Flag, optionalFlag } from "../flags/flag.ts";

/** How much of a stream's end `tail` begins with: its last messages or lines, or all from one of them on. */
export interface TailCount {
  readonly kind: "last" | "from";
  /** How many; of `from`, which is the first, counted from 1. */
  readonly count: number;
}

const MAX_COUNT = 10_000_000;
/** `-2` means what it means to other tails, 2. */
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
