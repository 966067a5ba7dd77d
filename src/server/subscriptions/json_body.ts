import type { HttpRequest } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { ServerContext } from "../verbs/context.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A JSON object from a request, whose fields are checked one by one. */
export class JsonBody {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path = "") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalidField(path || "body", "is not a JSON object", "an object");
    }
    this.#fields = { ...value };
    this.#path = path;
  }

  /** The body of a request; `{}` where it is empty. */
  static async read({ bodies }: ServerContext, request: HttpRequest): Promise<JsonBody> {
    const bytes = await bodies.read(request);
    let value: unknown;
    try {
      const text = utf8.decode(bytes);
      value = text.trim() === "" ? {} : JSON.parse(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StreamError(
        { code: "invalid_subscription", field: "body" },
        `The body is not JSON (${reason}): expected an object.`,
      );
    }
    return new JsonBody(value);
  }

  /** The name of a field in messages. */
  nameOf(field: string): string {
    return this.#path === "" ? field : `${this.#path}.${field}`;
  }

  /** A field's value; `undefined` where it is missing or null. */
  value(field: string): unknown {
    return this.#fields[field] ?? undefined;
  }

  /** A text. */
  text(field: string): string {
    return this.optionalText(field) ?? this.#reject(field, "is missing", "a text");
  }

  /** A text, or `undefined` where it is missing. */
  optionalText(field: string): string | undefined {
    const value = this.value(field);
    if (value === undefined || typeof value === "string") return value;
    return this.#reject(field, "is not a text", "a text");
  }

  /** A whole number between two others. */
  integer(field: string, least: number, most: number): number {
    const value = this.value(field);
    const isGood = typeof value === "number" && Number.isSafeInteger(value) && value >= least &&
      value <= most;
    if (isGood) return value;
    const problem = value === undefined ? "is missing" : `is ${JSON.stringify(value)}`;
    return this.#reject(field, problem, `a whole number from ${least} to ${most}`);
  }

  /** True or false; false where it is missing. */
  flag(field: string): boolean {
    const value = this.value(field) ?? false;
    return typeof value === "boolean" ? value : this.#reject(field, "is neither", "true or false");
  }

  /** A list; an empty one where it is missing. */
  list(field: string, limit: number): readonly unknown[] {
    const value: unknown = this.value(field) ?? [];
    if (!Array.isArray(value)) return this.#reject(field, "is not a list", "a list");
    if (value.length <= limit) return value;
    return this.#reject(field, `has ${value.length} elements`, `at most ${limit}`);
  }

  /** A list of texts. */
  texts(field: string, limit: number): string[] {
    return this.list(field, limit).map((value, i) =>
      typeof value === "string" ? value : this.#reject(`${field}[${i}]`, "is not a text", "a text")
    );
  }

  /** An object. */
  object(field: string): JsonBody {
    const value = this.value(field);
    if (value === undefined) return this.#reject(field, "is missing", "an object");
    return new JsonBody(value, this.nameOf(field));
  }

  #reject(field: string, problem: string, expected: string): never {
    throw invalidField(this.nameOf(field), problem, expected);
  }
}

/** The error for a field that can't be used. */
export function invalidField(field: string, problem: string, expected: string): StreamError {
  return new StreamError(
    { code: "invalid_subscription", field },
    `The field ${field} ${problem}: expected ${expected}.`,
  );
}
