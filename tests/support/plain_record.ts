import fc from "fast-check";

/** Objects with these fields, and with the prototype that object literals have. */
export function plainRecord<T>(
  fields: { [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true });
}
