import { getLogger } from "@logtape/logtape";
import { isWithin, literalPrefix, matches, type Pattern } from "../protocol/name_pattern.ts";
import { type Grant, parseGrant } from "./grant.ts";
import type { Permit } from "./permit.ts";
import { type Verb, VERBS } from "./verb.ts";

const logger = getLogger(["durable-streams", "access"]);

/** So many grants that can't be read are named in the log, each once. */
const REPORTED_LIMIT = 100;

const compiled = new WeakMap<Permit, Rights>();
const reported = new Set<string>();

/** The beginning of names that some grant matches, for who looks them up in order. */
export interface NameRange {
  readonly prefix: string;
  /** Whether only the name that is the prefix itself is in it. */
  readonly isExact: boolean;
}

/** What a permit allows, compiled once: a permit that is handed out again costs nothing. */
export class Rights {
  readonly permit: Permit;
  /** Those that can be read. */
  readonly grants: readonly Grant[];
  readonly #patterns: ReadonlyMap<Verb, readonly Pattern[]>;
  readonly #tests: ReadonlyMap<Verb, readonly ((name: string) => boolean)[]>;

  /** Use {@link Rights.of}. */
  constructor(permit: Permit) {
    this.permit = permit;
    const grants = this.grants = permit.grants.flatMap(readGrant);
    const patterns = VERBS.map((verb): [Verb, Pattern[]] => [
      verb,
      grants.filter(({ verbs }) => verbs.has(verb)).map(({ pattern }) => pattern),
    ]);
    this.#patterns = new Map(patterns);
    this.#tests = new Map(patterns.map(([verb, found]) => [verb, found.map(compile)]));
  }

  /** The rights of a permit; a grant that can't be read gives none, and the log says so. */
  static of(permit: Permit): Rights {
    let rights = compiled.get(permit);
    if (rights === undefined) {
      rights = new Rights(permit);
      compiled.set(permit, rights);
    }
    return rights;
  }

  /** Whether one of the grants has the verb for a stream of this name. */
  allows(verb: Verb, name: string): boolean {
    for (const test of this.#tests.get(verb) ?? []) {
      if (test(name)) return true;
    }
    return false;
  }

  /** Whether one grant has the verb for every name that a pattern matches; several together don't count. */
  covers(verb: Verb, pattern: Pattern): boolean {
    return this.#patternsOf(verb).some((outer) => isWithin(pattern, outer));
  }

  /** Whether any grant has the verb. */
  hasAny(verb: Verb): boolean {
    return this.#patternsOf(verb).length > 0;
  }

  /** Where names that the verb is granted for may be: all of them are in one of these. */
  ranges(verb: Verb): readonly NameRange[] {
    return this.#patternsOf(verb).flatMap(rangesOf);
  }

  #patternsOf(verb: Verb): readonly Pattern[] {
    return this.#patterns.get(verb) ?? [];
  }
}

function readGrant(line: string): Grant[] {
  try {
    return [parseGrant(line)];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    if (!reported.has(line) && reported.size < REPORTED_LIMIT) {
      reported.add(line);
      logger.warn("{problem} It allows nothing.", { problem: error.message });
    }
    return [];
  }
}

/** Patterns such as `**` and `chats/u1/**` without taking names apart, which costs as much as all the rest. */
function compile(pattern: Pattern): (name: string) => boolean {
  const literals = pattern.segments.slice(0, -1);
  const isTree = pattern.segments.at(-1) === "**" && !literals.some(isWildcard);
  if (!isTree) return (name) => matches(pattern, name);
  if (literals.length === 0) return () => true;
  const root = literals.join("/");
  const below = `${root}/`;
  return (name) => name.startsWith(below) || name === root;
}

function rangesOf(pattern: Pattern): NameRange[] {
  const prefix = literalPrefix(pattern);
  const isLiteral = !pattern.segments.some(isWildcard);
  if (isLiteral) return [{ prefix, isExact: true }];
  if (prefix === "" || prefix.endsWith("/")) return [{ prefix, isExact: false }];
  // Of `g/**` the names are `g` and what is below it, and not `gh`.
  return [{ prefix, isExact: true }, { prefix: `${prefix}/`, isExact: false }];
}

function isWildcard(segment: string): boolean {
  return segment === "*" || segment === "**";
}
