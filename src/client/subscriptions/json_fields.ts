import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";

/** A JSON object of the server's, whose fields are checked one by one. */
export class JsonFields {
  readonly #fields: Readonly<Record<string, unknown>>;

  /** @throws {MalformedResponse} if it is no object */
  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new MalformedResponse("The answer is no JSON object.");
    }
    this.#fields = { ...value };
  }

  /** @throws {MalformedResponse} if the bytes are no JSON object */
  static parse(bytes: Bytes): JsonFields {
    let value: unknown;
    try {
      value = JSON.parse(decodeUtf8(bytes));
    } catch (error) {
      throw new MalformedResponse("The answer is not JSON.", error);
    }
    return new JsonFields(value);
  }

  /** @throws {MalformedResponse} */
  text(name: string): string {
    return this.optionalText(name) ?? this.#reject(name, "a text");
  }

  /** `undefined` if it is missing or null. */
  optionalText(name: string): string | undefined {
    const value = this.#fields[name] ?? undefined;
    return value === undefined || typeof value === "string" ? value : this.#reject(name, "a text");
  }

  /** @throws {MalformedResponse} */
  integer(name: string): number {
    const value = this.#fields[name];
    if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    return this.#reject(name, "a whole number");
  }

  /** Only `true` is true. */
  flag(name: string): boolean {
    return this.#fields[name] === true;
  }

  /** `undefined` if it is missing or null. */
  optionalObject(name: string): JsonFields | undefined {
    const value = this.#fields[name] ?? undefined;
    return value === undefined ? undefined : new JsonFields(value);
  }

  /** @throws {MalformedResponse} */
  objects(name: string): JsonFields[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) return this.#reject(name, "a list");
    return value.map((element: unknown) => new JsonFields(element));
  }

  #reject(name: string, expected: string): never {
    throw new MalformedResponse(`The answer's field ${name} is not ${expected}.`);
  }
}
