import type { Sources } from "./imports.ts";
import { type FunctionSyntax, syntaxOf } from "./syntax.ts";
import { perFile, type Violations } from "./violations.ts";

/**
 * A function fits on a screen. One that only registers tests (`describe…`) is a list, of any
 * length: each test in it is a function of its own.
 */
export function checkFunctions(sources: Sources, limit: number): Violations {
  return perFile(sources, (path, source) =>
    syntaxOf(source).functions
      .filter((found) => found.lines > limit && !listsTests(path, found))
      .map(({ name, line, lines }) =>
        `${path}:${line}: ${name} has ${lines} lines, more than ${limit}: split it by meaning`
      ));
}

function listsTests(path: string, { name }: FunctionSyntax): boolean {
  return path.startsWith("tests/") && /^describe[A-Z]/.test(name);
}
