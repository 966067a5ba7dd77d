import { compareNames, isBeforeRange, type NameRange } from "../protocol/name_order.ts";
import { partitionPoint } from "./partition_point.ts";

/** So many new names are sorted together: that takes a millisecond. */
const SLICE_NAMES = 1024;
/** No list becomes longer by being joined with another: that takes up to 3 ms. */
const JOINED_NAMES_LIMIT = 32_768;
/** So many names that are gone may stay in the lists beside as many as there are. */
const DELETED_NAMES_LIMIT = 1024;

/**
 * A map by name that can be gone through in the names' order. Changes cost what a map's do. The names are
 * in a few sorted lists, of which each is longer than the next; new ones come into their order with the
 * next {@link range}, or before it by {@link sort}, which holds nobody up: to sort 100,000 names at once
 * takes 200 ms.
 */
export class OrderedNames<T extends number | object> {
  readonly #values = new Map<string, T>();
  /** Sorted; some names may be gone, or in two of them. No list is ever changed: ranges go over them. */
  #lists: readonly (readonly string[])[] = [];
  /** Those that came since, in any order. */
  #new: string[] = [];
  /** How many names the lists have together. */
  #listed = 0;

  /** How many names there are. */
  get size(): number {
    return this.#values.size;
  }

  /** What a name stands for. */
  get(name: string): T | undefined {
    return this.#values.get(name);
  }

  /** Lets a name stand for something, or for something else. */
  set(name: string, value: T): void {
    if (!this.#values.has(name)) this.#new.push(name);
    this.#values.set(name, value);
  }

  /** Takes a name out. */
  delete(name: string): void {
    if (!this.#values.delete(name)) return;
    const names = this.#listed + this.#new.length;
    if (names <= 2 * this.#values.size + DELETED_NAMES_LIMIT) return;
    if (this.#listed > 0) this.#shortenOne();
    else this.#new = [...this.#values.keys()];
  }

  /** Takes all names out. */
  clear(): void {
    this.#values.clear();
    this.#lists = [];
    this.#new = [];
    this.#listed = 0;
  }

  /**
   * Brings new names into their order, in slices.
   *
   * @param pause lets others run, after each slice
   * @returns `undefined` where that is soon done
   */
  sort(pause: () => Promise<void>): Promise<void> | undefined {
    return this.#new.length <= SLICE_NAMES ? undefined : this.#sortInSlices(pause);
  }

  async #sortInSlices(pause: () => Promise<void>): Promise<void> {
    while (this.#new.length > SLICE_NAMES) {
      this.#addList(this.#new.splice(-SLICE_NAMES));
      await pause();
    }
  }

  /** What the names of a range stand for, in order. */
  *range(range: NameRange): Generator<{ name: string; value: T }> {
    this.#sortNew();
    // Those with later names first: a step looks at a few of them only, of lists of which there may be dozens.
    const places = this.#lists.map((names) => new Place(names, range))
      .filter(({ name }) => name !== undefined)
      .sort((a, b) => compareNames(b.name ?? "", a.name ?? ""));
    let last: string | undefined;
    while (true) {
      const place = places.pop();
      const name = place?.name;
      if (place === undefined || name === undefined || !name.startsWith(range.prefix)) return;
      place.advance();
      putBack(places, place);
      const value = name === last ? undefined : this.#values.get(name);
      last = name;
      if (value !== undefined) yield { name, value };
    }
  }

  #sortNew(): void {
    if (this.#new.length === 0) return;
    const names = this.#new;
    this.#new = [];
    this.#addList(names);
  }

  /** Makes a list of names, and joins it with those that aren't longer. */
  #addList(names: string[]): void {
    let added: readonly string[] = names.sort(compareNames);
    const lists = [...this.#lists];
    for (let last = lists.at(-1); last !== undefined; last = lists.at(-1)) {
      if (last.length > added.length || last.length + added.length > JOINED_NAMES_LIMIT) break;
      added = this.#join(last, added);
      lists.pop();
    }
    this.#setLists([...lists, added]);
  }

  /** Both lists' names as one, without those that are gone. */
  #join(one: readonly string[], other: readonly string[]): string[] {
    const joined: string[] = [];
    let at = 0;
    const add = (name: string) => {
      if (name !== joined.at(-1) && this.#values.has(name)) joined.push(name);
    };
    for (const name of other) {
      for (; at < one.length && compareNames(one[at] ?? "", name) < 0; at++) add(one[at] ?? "");
      add(name);
    }
    for (; at < one.length; at++) add(one[at] ?? "");
    return joined;
  }

  /** Takes the names that are gone out of the first list, which is the last from now on. */
  #shortenOne(): void {
    const [first = [], ...lists] = this.#lists;
    const left = first.filter((name) => this.#values.has(name));
    this.#setLists(left.length === 0 ? lists : [...lists, left]);
  }

  #setLists(lists: readonly (readonly string[])[]): void {
    this.#lists = lists;
    this.#listed = lists.reduce((sum, { length }) => sum + length, 0);
  }
}

/** How far a range has come in one list. */
class Place {
  /** The next name; `undefined` at the list's end. */
  name: string | undefined;
  readonly #names: readonly string[];
  #at: number;

  constructor(names: readonly string[], range: NameRange) {
    this.#names = names;
    this.#at = partitionPoint(names.length, (index) => isBeforeRange(names[index] ?? "", range));
    this.name = names[this.#at];
  }

  advance(): void {
    this.name = this.#names[++this.#at];
  }
}

/** Puts a place where its name belongs among the others, unless it is at its list's end. */
function putBack(places: Place[], place: Place): void {
  const { name } = place;
  if (name === undefined) return;
  const at = partitionPoint(
    places.length,
    (index) => compareNames(places[index]?.name ?? "", name) > 0,
  );
  places.splice(at, 0, place);
}
