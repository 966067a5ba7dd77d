import { importsOf, resolveImport, type Sources, workersOf } from "./imports.ts";
import { GUARDED, layerOf, mayImport } from "./layers.ts";
import { codeOf } from "./source_text.ts";
import { findAll, locationOf, perFile, type Violations } from "./violations.ts";

/** Imports point to lower rooms only, and some modules of the runtime are for some rooms only. */
export function checkImports(sources: Sources): Violations {
  return perFile(sources, (path, source) => {
    const layer = layerOf(path);
    if (layer === undefined) return [`${path}: belongs to no layer of tests/tools/tree/layers.ts`];
    return importsOf(source).flatMap((specifier) => {
      const owners = GUARDED.get(specifier);
      if (owners !== undefined && !owners.includes(layer.room.path)) {
        return [`${path}: imports ${specifier}, which only ${owners.join(", ")} may`];
      }
      if (!specifier.startsWith(".") || !/\.tsx?$/.test(specifier)) return [];
      const target = layerOf(resolveImport(path, specifier));
      if (target !== undefined && mayImport(layer, target)) return [];
      return [`${path}: imports ${specifier}, and ${layer.path} may not import ${target?.path}`];
    });
  });
}

/** No file grows past what a reader holds in the head. */
export function checkLengths(
  sources: Sources,
  limit: number,
  allowed: readonly string[],
): Violations {
  return perFile(sources, (path, source) => {
    const lines = source.trimEnd().split("\n").length;
    if (lines <= limit || allowed.includes(path)) return [];
    return [`${path}: has ${lines} lines, more than ${limit}: it may hold more than one concept`];
  });
}

/** Every file is used: imported from a root, directly or not. A worker's file is a root. */
export function checkReachable(
  sources: Sources,
  roots: readonly string[],
  workers: readonly string[],
): Violations {
  const reached = new Set<string>();
  const next = [...roots, ...workers];
  for (let path = next.pop(); path !== undefined; path = next.pop()) {
    const source = sources.get(path);
    if (source === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const specifier of importsOf(source)) {
      if (specifier.startsWith(".")) next.push(resolveImport(path, specifier));
    }
  }
  return [
    ...perFile(sources, (path) => reached.has(path) ? [] : [`${path}: nothing imports it`]),
    ...perFile(sources, (path, source) =>
      workersOf(path, source)
        .filter((worker) => !workers.includes(worker))
        .map((worker) => `${path}: starts ${worker}, which isn't among the worker entries`)),
    ...workers.filter((worker) => !sources.has(worker))
      .map((worker) => `${worker}: is among the worker entries and isn't there`),
  ];
}

/** A file names each of these: what nothing imports is compiled in only where it is named. */
export function checkNamed(names: readonly string[], file: string, text: string): Violations {
  return names.filter((name) => !text.includes(name)).map((name) =>
    `${file}: doesn't name ${name}`
  );
}

/** A way around the type checker, or work left without an issue. */
const CODE_RULES: readonly (readonly [RegExp, string])[] = [
  [/(?<![.\w$])any(?![\w$(:])/g, "uses the type any"],
  [/\bas\s+unknown\s+as\b/g, "casts by way of unknown"],
];
const TEXT_RULES: readonly (readonly [RegExp, string])[] = [
  [/@ts-(?:ignore|nocheck)\b/g, "turns the type checker off"],
  [/\bTODO\b(?!\s*\(?#\d)/g, "has a TODO without the number of an issue (TODO #12)"],
];

/** The type checker is never talked out of its work, and work left over has an issue. */
export function checkWords(sources: Sources): Violations {
  return perFile(sources, (path, source) => [
    ...findAll(path, codeOf(source), CODE_RULES),
    ...findAll(path, source, TEXT_RULES),
  ]);
}

const EXPORTED =
  /^export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(function\*?|class|interface)\s+([\w$]+)/gm;

/** What a file exports says what it is for. Of a function's overloads the first one does. */
export function checkDocstrings(sources: Sources): Violations {
  return perFile(sources, (path, source) => {
    const violations: string[] = [];
    let before: string | undefined;
    for (const match of codeOf(source).matchAll(EXPORTED)) {
      const [, kind, name] = match;
      const overload = kind === "function" && name === before;
      before = name;
      if (overload || endsWithDocstring(source.slice(0, match.index))) continue;
      violations.push(
        `${locationOf(path, source, match.index)}: ${name} has no docstring right before`,
      );
    }
    return violations;
  });
}

/** Up to its first end, since its text may hold what looks like another start (`text/*`). */
const DOCSTRING_AT_END = /(?:^|\n)[ \t]*\/\*\*(?:(?!\*\/)[^])*\*\/$/;

function endsWithDocstring(text: string): boolean {
  const withoutLineComments = text.trimEnd().replace(/(?:\n[ \t]*\/\/[^\n]*)+$/, "").trimEnd();
  return DOCSTRING_AT_END.test(withoutLineComments);
}

const PASSED_ON =
  /^(?:import|export)\b[^;"'`=()]*?(?:\bfrom\s*)?["'][^"'\n]+["'];?|^export\s*(?:type\s*)?\{[^}]*\};?/gm;

/** A file has content of its own: a list of re-exports hides where things are. */
export function checkBarrels(sources: Sources, allowed: readonly string[]): Violations {
  return perFile(sources, (path, source) => {
    const code = codeOf(source, { strings: true });
    const own = code.replace(PASSED_ON, "").trim();
    if (own !== "" || !/^export\b/m.test(code) || allowed.includes(path)) return [];
    return [`${path}: only passes on what other files export`];
  });
}

/** Where packages come from, in pieces, so that this file doesn't name them itself. */
const REGISTRIES = [["npmjs", "org"], ["yarnpkg", "com"], ["npmmirror", "com"], ["jsr", "io"]]
  .map((labels) => labels.join(String.raw`\.`)).join("|");

/** What no file of the repository may name. */
const UNMENTIONABLE: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(String.raw`(?<![\w-])(?:[\w-]+\.)*(?:${REGISTRIES})\b`, "g"),
    "names a package registry's host",
  ],
  [/(?<![\w.$}-])\/(?:work|root|home|Users)\/[\w.-]/g, "names a folder of one machine"],
];

/** No file ties the project to one machine or to one place to get packages from. */
export function checkMentions(sources: Sources): Violations {
  return perFile(sources, (path, source) => findAll(path, source, UNMENTIONABLE));
}
