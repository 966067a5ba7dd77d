import { posix } from "node:path";
import { codeOf } from "./source_text.ts";

/** Sources by their path from the repository's folder. */
export type Sources = ReadonlyMap<string, string>;

const STATEMENT = /\b(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"'\n]+)["']/g;
const FOR_EFFECT = /\bimport\s*["']([^"'\n]+)["']/g;
const DYNAMIC = /\bimport\s*\(\s*["']([^"'\n]+)["']/g;
const BESIDE = /\bnew URL\(\s*["'](\.[^"'\n]*\.ts)["']\s*,\s*import\.meta\.url/g;

/** What a source imports, types and dynamic imports included, as it is written there. */
export function importsOf(source: string): readonly string[] {
  const code = codeOf(source, { strings: true });
  return [STATEMENT, FOR_EFFECT, DYNAMIC].flatMap((pattern) => captures(code, pattern));
}

/** The source files that a source names by `new URL("./x.ts", import.meta.url)`: its workers. */
export function workersOf(path: string, source: string): readonly string[] {
  const code = codeOf(source, { strings: true });
  return captures(code, BESIDE).map((specifier) => resolveImport(path, specifier));
}

/** The path from the repository's folder that a relative import in `path` means. */
export function resolveImport(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier);
}

function captures(code: string, pattern: RegExp): string[] {
  return [...code.matchAll(pattern)].flatMap((match) => match[1] ?? []);
}
