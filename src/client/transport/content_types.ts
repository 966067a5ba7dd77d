const LIMIT = 1_000;

/** The content types of streams by name, as far as the client knows them. */
export class ContentTypes {
  readonly #known = new Map<string, string>();

  /** The type, if it is known. */
  get(path: string): string | undefined {
    return this.#known.get(path);
  }

  /** Remembers a type; `undefined` forgets it. */
  set(path: string, contentType: string | undefined): void {
    this.#known.delete(path);
    if (contentType === undefined) return;
    this.#known.set(path, contentType);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= LIMIT) return;
      this.#known.delete(oldest);
    }
  }
}
