/** A promise of the storage that was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Stops the history where a promise was broken. */
export function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}
