import { copyString } from "../../storage/copy_string.ts";

/** The names of streams that are followed: each is in memory once, however many follow it. */
export class SharedNames {
  readonly #names = new Map<string, { readonly name: string; users: number }>();

  /** How many there are. */
  get size(): number {
    return this.#names.size;
  }

  /** The same name, which doesn't keep alive what it was cut from; to be released as often. */
  take(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) {
      known.users++;
      return known.name;
    }
    const own = copyString(name);
    this.#names.set(own, { name: own, users: 1 });
    return own;
  }

  /** One who took it needs it no more. */
  release(name: string): void {
    const known = this.#names.get(name);
    if (known !== undefined && --known.users === 0) this.#names.delete(name);
  }
}
