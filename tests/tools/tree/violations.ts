import type { Sources } from "./imports.ts";

/** A sentence for each place that breaks a rule: which file, what is wrong, what would be right. */
export type Violations = readonly string[];

/** The violations that a check finds in each of the sources. */
export function perFile(
  sources: Sources,
  check: (path: string, source: string) => Violations,
): Violations {
  return [...sources].flatMap(([path, source]) => check(path, source));
}

/** A violation for each place in a text that one of the patterns finds. */
export function findAll(
  path: string,
  text: string,
  rules: readonly (readonly [RegExp, string])[],
): Violations {
  return rules.flatMap(([pattern, message]) =>
    [...text.matchAll(pattern)].map((match) => `${locationOf(path, text, match.index)}: ${message}`)
  );
}

/** A place in a file as editors open it: `path:line`. */
export function locationOf(path: string, text: string, index: number): string {
  return `${path}:${text.slice(0, index).split("\n").length}`;
}
