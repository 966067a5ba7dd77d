/**
 * Stops the program's present step where it would otherwise go on wrong: a defect here, never
 * anything that a user did.
 */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`Invariant broken: ${what}.`);
}
