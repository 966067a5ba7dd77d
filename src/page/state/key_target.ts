/** What keys move through: the list of the view that is shown. */
export interface KeyTarget {
  /** Goes so many rows on, or back. */
  move(rows: number): void;
  /** Opens the row; false where the focused element does so itself. */
  open(): boolean;
  /** Leaves what is open; false where nothing is. */
  escape(): boolean;
}

let target: KeyTarget | undefined;

/** Makes this what keys move through; returns what ends that. */
export function setKeyTarget(given: KeyTarget): () => void {
  target = given;
  return () => {
    if (target === given) target = undefined;
  };
}

/** What keys move through now. */
export function keyTarget(): KeyTarget | undefined {
  return target;
}
