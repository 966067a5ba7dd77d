/**
 * The members of an object in JSON, each read as what it has to be. Whoever reads the last one calls
 * {@link end}: a member that nobody knows is an error, too.
 */
export class JsonFields {
  readonly #members: Map<string, unknown>;

  /** @throws {SyntaxError} where the value isn't an object */
  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw unexpected("an object", value);
    }
    this.#members = new Map<string, unknown>(Object.entries(value));
  }

  /** @throws {SyntaxError} as all of these do, where the member is something else */
  text(key: string): string {
    return textOf(this.#take(key));
  }

  optionalText(key: string): string | undefined {
    return this.#members.has(key) ? this.text(key) : undefined;
  }

  /** A whole number from 0 on. */
  integer(key: string): number {
    return integerOf(this.#take(key));
  }

  flag(key: string): boolean {
    const value = this.#take(key);
    if (typeof value !== "boolean") throw unexpected("true or false", value);
    return value;
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.#take(key);
    const choice = choices.find((each) => each === value);
    if (choice === undefined) throw unexpected(`one of ${choices.join(", ")}`, value);
    return choice;
  }

  /** The elements of an array, each read by `read`. */
  list<T>(key: string, read: (element: unknown) => T): T[] {
    return listOf(this.#take(key), read);
  }

  optionalList<T>(key: string, read: (element: unknown) => T): T[] | undefined {
    return this.#members.has(key) ? this.list(key, read) : undefined;
  }

  /** An object, read by `read`. */
  object<T>(key: string, read: (fields: JsonFields) => T): T {
    return readObject(this.#take(key), read);
  }

  /** Whether there is such a member that wasn't read yet. */
  has(key: string): boolean {
    return this.#members.has(key);
  }

  /** A member of any kind, for who reads it in a way of their own. */
  value(key: string): unknown {
    return this.#take(key);
  }

  /** There are no other members. */
  end(): void {
    const [key] = this.#members.keys();
    if (key !== undefined) throw new SyntaxError(`expected no member ${JSON.stringify(key)}`);
  }

  #take(key: string): unknown {
    const value = this.#members.get(key);
    this.#members.delete(key);
    return value;
  }
}

/** An object and nothing beside what `read` reads of it. */
export function readObject<T>(value: unknown, read: (fields: JsonFields) => T): T {
  const fields = new JsonFields(value);
  const result = read(fields);
  fields.end();
  return result;
}

/** @throws {SyntaxError} where it isn't a text */
export function textOf(value: unknown): string {
  if (typeof value !== "string") throw unexpected("a text", value);
  return value;
}

/** @throws {SyntaxError} where it isn't a whole number from 0 on */
function integerOf(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw unexpected("a whole number", value);
}

function listOf<T>(value: unknown, read: (element: unknown) => T): T[] {
  if (!Array.isArray(value)) throw unexpected("an array", value);
  return value.map((element: unknown) => read(element));
}

function unexpected(expected: string, found: unknown): SyntaxError {
  return new SyntaxError(`expected ${expected}, found ${JSON.stringify(found)}`);
}
