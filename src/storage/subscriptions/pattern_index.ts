import { GLOBSTAR, type Pattern, STAR } from "../../protocol/name_pattern.ts";

const NOTHING: readonly never[] = [];

/** Where patterns that begin alike part, by the next segment. */
class TrieNode<T> {
  /** Of the patterns that end here. */
  values: readonly T[] = NOTHING;
  literals: Map<string, TrieNode<T>> | undefined;
  star: TrieNode<T> | undefined;
  globstar: TrieNode<T> | undefined;
  /** The last look-up that came here by a `**`. */
  lookUp = 0;

  get hasEdges(): boolean {
    return this.literals !== undefined || this.star !== undefined || this.globstar !== undefined;
  }

  get(segment: string): TrieNode<T> | undefined {
    if (segment === STAR) return this.star;
    if (segment === GLOBSTAR) return this.globstar;
    return this.literals?.get(segment);
  }

  getOrAdd(segment: string): TrieNode<T> {
    if (segment === STAR) return this.star ??= new TrieNode();
    if (segment === GLOBSTAR) return this.globstar ??= new TrieNode();
    this.literals ??= new Map();
    let node = this.literals.get(segment);
    if (node === undefined) this.literals.set(segment, node = new TrieNode());
    return node;
  }

  remove(segment: string): void {
    if (segment === STAR) this.star = undefined;
    else if (segment === GLOBSTAR) this.globstar = undefined;
    else if (this.literals?.delete(segment) && this.literals.size === 0) this.literals = undefined;
  }
}

/** What one look-up has come to. */
interface LookUp<T> {
  readonly number: number;
  /** Where the patterns stand that the segments so far match. */
  nodes: TrieNode<T>[];
  /** Behind a `**` that the segments so far match: it takes any of the next ones as well. */
  readonly globstars: TrieNode<T>[];
  readonly found: (readonly T[])[];
}

/**
 * Finds the values whose pattern, or whose name, a name matches. It goes along the name's segments, and
 * looks only at the patterns whose beginning matches: others cost nothing, however many they are.
 */
export class PatternIndex<T> {
  readonly #root = new TrieNode<T>();
  readonly #names = new Map<string, readonly T[]>();
  #lookUps = 0;

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return this.#names.size === 0 && !this.#root.hasEdges;
  }

  /** Lets names that the pattern matches find a value; it may be there already. */
  add({ segments }: Pattern, value: T): void {
    let node = this.#root;
    for (const segment of segments) node = node.getOrAdd(segment);
    node.values = withValue(node.values, value);
  }

  /** Takes a value from a pattern; it may be gone already. */
  delete({ segments }: Pattern, value: T): void {
    const parents: TrieNode<T>[] = [];
    let node = this.#root;
    for (const segment of segments) {
      const next = node.get(segment);
      if (next === undefined) return;
      parents.push(node);
      node = next;
    }
    node.values = withoutValue(node.values, value);
    for (let depth = parents.length - 1; depth >= 0; depth--) {
      if (node.hasEdges || node.values.length > 0) return;
      const parent = parents[depth];
      const segment = segments[depth];
      if (parent === undefined || segment === undefined) return;
      parent.remove(segment);
      node = parent;
    }
  }

  /** Lets one name find a value, whatever characters it holds; it may be there already. */
  addName(name: string, value: T): void {
    this.#names.set(name, withValue(this.#names.get(name) ?? NOTHING, value));
  }

  /** Takes a value from a name, but not from patterns; it may be gone already. */
  deleteName(name: string, value: T): void {
    const values = withoutValue(this.#names.get(name) ?? NOTHING, value);
    if (values.length > 0) this.#names.set(name, values);
    else this.#names.delete(name);
  }

  /**
   * The values that a name finds, each once, in no order. It takes at most the name's segments times the
   * patterns' beginnings that match a part of it; mostly that is one step a segment.
   */
  matching(name: string): readonly T[] {
    const named = this.#names.size === 0 ? undefined : this.#names.get(name);
    if (!this.#root.hasEdges) return named ?? NOTHING;
    const lookUp: LookUp<T> = { number: ++this.#lookUps, nodes: [], globstars: [], found: [] };
    if (named !== undefined) lookUp.found.push(named);
    enter(lookUp, this.#root);
    for (let start = 0; start <= name.length;) {
      const slash = name.indexOf("/", start);
      const end = slash === -1 ? name.length : slash;
      step(lookUp, name.slice(start, end));
      if (lookUp.nodes.length === 0 && lookUp.globstars.length === 0) break;
      start = end + 1;
    }
    for (const { values } of lookUp.nodes) if (values.length > 0) lookUp.found.push(values);
    return union(lookUp.found);
  }
}

/** Goes on by one segment of the name. No node is come to twice at once: each has one parent. */
function step<T>(lookUp: LookUp<T>, segment: string): void {
  const { nodes, globstars } = lookUp;
  const globstarCount = globstars.length;
  lookUp.nodes = [];
  for (const { star, literals } of nodes) {
    if (star !== undefined) enter(lookUp, star);
    const next = literals?.get(segment);
    if (next !== undefined) enter(lookUp, next);
  }
  // Those that are come to by this segment take the next one first.
  for (let i = 0; i < globstarCount; i++) {
    const next = globstars[i]?.literals?.get(segment);
    if (next !== undefined) enter(lookUp, next);
  }
}

/** Notes where the segments so far lead, and what a `**` there leads to. */
function enter<T>(lookUp: LookUp<T>, node: TrieNode<T>): void {
  lookUp.nodes.push(node);
  const { globstar } = node;
  // Come to by fewer segments, it has matched all that it would match from here.
  if (globstar === undefined || globstar.lookUp === lookUp.number) return;
  globstar.lookUp = lookUp.number;
  // A ** at a pattern's end matches whatever comes.
  if (globstar.values.length > 0) lookUp.found.push(globstar.values);
  // No wildcard follows a **: patterns are normalized.
  if (globstar.literals !== undefined) lookUp.globstars.push(globstar);
}

function withValue<T>(values: readonly T[], value: T): readonly T[] {
  return values.includes(value) ? values : [...values, value];
}

function withoutValue<T>(values: readonly T[], value: T): readonly T[] {
  return values.includes(value) ? values.filter((one) => one !== value) : values;
}

function union<T>(lists: readonly (readonly T[])[]): readonly T[] {
  if (lists.length > 1) return [...new Set(lists.flat())];
  return lists[0] ?? NOTHING;
}
