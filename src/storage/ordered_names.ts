import { compareNames, isBeforeRange, type NameRange } from "../protocol/name_order.ts";
import { partitionPoint } from "./partition_point.ts";

/** So many names that are gone may stay in the lists beside as many as there are. */
const DELETED_NAMES_LIMIT = 1024;

/**
 * A map by name that can be gone through in the names' order. Changes cost what a map's do; the first
 * {@link range} after some sorts the new names, and goes over all of them once to put these in their
 * places.
 */
export class OrderedNames<T extends number | object> {
  readonly #values = new Map<string, T>();
  /** In order; some may be gone. It is never changed, only replaced: ranges go over it. */
  #sorted: readonly string[] = [];
  /** Those that came since, in any order; some may be gone or twice here. */
  #unsorted: string[] = [];

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
    if (!this.#values.has(name)) this.#unsorted.push(name);
    this.#values.set(name, value);
  }

  /** Takes a name out. */
  delete(name: string): void {
    if (!this.#values.delete(name)) return;
    if (
      this.#sorted.length + this.#unsorted.length <= 2 * this.#values.size + DELETED_NAMES_LIMIT
    ) return;
    this.#sorted = [];
    this.#unsorted = [...this.#values.keys()];
  }

  /** Takes all names out. */
  clear(): void {
    this.#values.clear();
    this.#sorted = [];
    this.#unsorted = [];
  }

  /** What the names of a range stand for, in order. */
  *range(range: NameRange): Generator<{ name: string; value: T }> {
    this.#sort();
    const sorted = this.#sorted;
    const first = partitionPoint(
      sorted.length,
      (index) => isBeforeRange(sorted[index] ?? "", range),
    );
    for (let i = first; i < sorted.length; i++) {
      const name = sorted[i] ?? "";
      if (!name.startsWith(range.prefix)) return;
      const value = this.#values.get(name);
      if (value !== undefined) yield { name, value };
    }
  }

  #sort(): void {
    if (this.#unsorted.length === 0) return;
    const sorted = this.#sorted;
    const merged: string[] = [];
    let taken = 0;
    for (const name of this.#unsorted.sort(compareNames)) {
      for (const to = this.#indexOf(name, taken); taken < to; taken++) {
        merged.push(sorted[taken] ?? "");
      }
      if (name !== merged.at(-1) && name !== sorted[taken]) merged.push(name);
    }
    for (; taken < sorted.length; taken++) merged.push(sorted[taken] ?? "");
    this.#sorted = merged;
    this.#unsorted = [];
  }

  /** How many sorted names come before this one, of which there are at least `least`. */
  #indexOf(name: string, least: number): number {
    return least + partitionPoint(
      this.#sorted.length - least,
      (index) => compareNames(this.#sorted[least + index] ?? "", name) < 0,
    );
  }
}
