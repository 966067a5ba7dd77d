import type { Sources } from "./imports.ts";
import { syntaxOf } from "./syntax.ts";
import { perFile, type Violations } from "./violations.ts";

/** A test's name is a sentence that says what holds: the list of them is read by people. */
export function checkTestNames(sources: Sources): Violations {
  return perFile(sources, (path, source) =>
    syntaxOf(source).tests
      .filter(({ name }) => !isSentence(name))
      .map(({ name, line }) => `${path}:${line}: the test's name "${name}" isn't a sentence`));
}

function isSentence(name: string): boolean {
  return /\S\s\S/.test(name) && !/^(?!EventSource\b)[A-Z][a-z0-9]+[A-Z]/.test(name);
}
