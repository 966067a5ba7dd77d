import { deepStrictEqual as equal, match } from "node:assert";
import type { Sources } from "./imports.ts";
import type { Violations } from "./violations.ts";

/** Sources as a test of a rule writes them down. */
export function files(sources: Record<string, string>): Sources {
  return new Map(Object.entries(sources));
}

/** Exactly one violation was found, and it is this one. */
export function violates(violations: Violations, about: RegExp): void {
  equal(violations.length, 1, violations.join("\n"));
  match(violations[0] ?? "", about);
}
