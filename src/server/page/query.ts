import { quote, StreamError } from "../../protocol/errors.ts";

/**
 * The only value of a parameter; `undefined` where it isn't given.
 *
 * @throws {StreamError} `invalid_query` where there are several
 */
export function single(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length <= 1) return values[0];
  throw new StreamError(
    { code: "invalid_query" },
    `The query has ${values.length} times ${name}: expected it once.`,
  );
}

/**
 * A whole number of a parameter.
 *
 * @throws {StreamError} `invalid_query` where it is none, or out of its range
 */
export function integer(
  parameters: URLSearchParams,
  name: string,
  range: { readonly from: number; readonly to: number; readonly default: number },
): number {
  const text = single(parameters, name);
  if (text === undefined) return range.default;
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= range.from && value <= range.to) return value;
  throw new StreamError(
    { code: "invalid_query" },
    `${name}=${
      quote(text)
    } is not in its range: expected a whole number from ${range.from} to ${range.to}.`,
  );
}
