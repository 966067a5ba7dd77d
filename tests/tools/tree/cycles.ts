import { importsOf, resolveImport, type Sources } from "./imports.ts";
import type { Violations } from "./violations.ts";

/** No file imports itself by way of others, types included: each can be read after what it needs. */
export function checkCycles(sources: Sources): Violations {
  return new CycleFinder(sources).find().map((files) =>
    `${files.join(" → ")} → ${files[0]}: these files import each other in a circle`
  );
}

/** A walk into the depth: a file that imports one of those that lead to it closes a circle. */
class CycleFinder {
  readonly #sources: Sources;
  readonly #done = new Set<string>();
  readonly #way: string[] = [];
  readonly #found: string[][] = [];

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  find(): readonly (readonly string[])[] {
    for (const path of this.#sources.keys()) this.#visit(path);
    return this.#found;
  }

  #visit(path: string): void {
    const source = this.#sources.get(path);
    if (source === undefined || this.#done.has(path)) return;
    const start = this.#way.indexOf(path);
    if (start >= 0) {
      this.#found.push(this.#way.slice(start));
      return;
    }
    this.#way.push(path);
    for (const specifier of importsOf(source)) {
      if (specifier.startsWith(".")) this.#visit(resolveImport(path, specifier));
    }
    this.#way.pop();
    this.#done.add(path);
  }
}
