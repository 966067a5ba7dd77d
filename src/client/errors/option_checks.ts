import { invalidArgument } from "./invalid_argument.ts";

/**
 * Checks options that are whole numbers.
 *
 * @param options only those that are given are checked
 * @throws {ClientError} `invalid_argument`
 */
export function checkIntegers<Name extends string>(
  options: Partial<Readonly<Record<Name, number | undefined>>>,
  names: readonly Name[],
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): void {
  for (const name of names) {
    const value = options[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= min && value <= max)) {
      continue;
    }
    const limit = max === Number.MAX_SAFE_INTEGER ? "2^53-1" : max;
    throw invalidArgument(name, value, `a whole number from ${min} to ${limit}`);
  }
}

/**
 * Checks options that are durations in ms, or other amounts that may be infinite.
 *
 * @param options only those that are given are checked
 * @throws {ClientError} `invalid_argument`
 */
export function checkAmounts<Name extends string>(
  options: Partial<Readonly<Record<Name, number | undefined>>>,
  names: readonly Name[],
): void {
  for (const name of names) {
    const value = options[name];
    if (value === undefined || (typeof value === "number" && value >= 0)) continue;
    const unit = name.endsWith("Ms") ? "milliseconds" : "a number";
    throw invalidArgument(name, value, `${unit}, at least 0, or Infinity`);
  }
}
