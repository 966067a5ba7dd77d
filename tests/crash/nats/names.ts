/** Streams that nobody deletes: followed by readers, appended to by producers. */
export const FOREVER_NAMES: readonly string[] = ["a", "j"];
/** Streams that come and go. */
export const PASSING_NAMES: readonly string[] = ["c", "d"];
/** Forks of all of these. */
export const FORK_NAMES: readonly string[] = ["f", "g"];
/** Streams that end when nobody uses them, or at a time. */
export const SLIDING_NAMES: readonly string[] = ["t"];

/** All of them. */
export const NAMES: readonly string[] = [
  ...FOREVER_NAMES,
  ...PASSING_NAMES,
  ...FORK_NAMES,
  ...SLIDING_NAMES,
];

/** Whether a stream of this name, which isn't a fork, is in JSON mode. */
export function isJson(name: string): boolean {
  return name === "j" || name === "d";
}

/** Whether a stream of this name never ends by itself. */
export function lasts(name: string): boolean {
  return FOREVER_NAMES.includes(name) || PASSING_NAMES.includes(name);
}
