import { isLoopback } from "../../protocol/loopback.ts";

/** The pages that an operator may give, as the end of "expected …". */
export const ORIGINS_FORM =
  "*, none, loopback, or origins such as https://app.example, separated by commas";

const SERIALIZED = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/;

/** The web pages that may use the server, told by their origins. */
export class Origins {
  /** All may use the streams; what else there is, only those that are named. */
  readonly isOpen: boolean;
  readonly #named: ReadonlySet<string>;
  readonly #allowsLoopback: boolean;

  /**
   * @param value the words, in a list or separated by commas: `*`, `none`, `loopback`, or origins; an
   * empty list is none
   * @throws {RangeError} where one of them is something else
   */
  constructor(value: string | readonly string[]) {
    const words = (typeof value === "string" ? [value] : value)
      .flatMap((text) => text.split(/[\s,]+/)).filter((word) => word !== "");
    const isEmpty = words.length === 0 && value.length !== 0;
    if (value === "" || isEmpty || (words.includes("none") && words.length > 1)) {
      throw unknown(value);
    }
    this.isOpen = words.includes("*");
    this.#allowsLoopback = this.isOpen || words.includes("loopback");
    const keywords = new Set(["*", "none", "loopback"]);
    this.#named = new Set(
      words.filter((word) => !keywords.has(word)).map((word) => serialize(word) ?? fail(value)),
    );
  }

  /** Whether an `Origin` is one that an operator could name. */
  static isOrigin(origin: string): boolean {
    return SERIALIZED.test(origin);
  }

  /** The only `Access-Control-Allow-Origin`, whoever asks: caches need not tell pages apart. */
  get sole(): string | undefined {
    if (this.isOpen) return "*";
    const [first, second] = this.#named;
    return second === undefined && !this.#allowsLoopback ? first : undefined;
  }

  /** Whether an `Origin` is one of those that are named, `*` aside. */
  allows(origin: string): boolean {
    return this.#named.has(origin) || (this.#allowsLoopback && isLoopbackOrigin(origin));
  }
}

/** Whether a page comes from a server on the machine of whoever looks at it. */
function isLoopbackOrigin(origin: string): boolean {
  const [, scheme, host = ""] = SERIALIZED.exec(origin) ?? [];
  return (scheme === "http" || scheme === "https") && isLoopback(host.replace(/^\[|\]$/g, ""));
}

/** An origin as browsers write it; those of apps and extensions have schemes of their own. */
function serialize(word: string): string | undefined {
  if (!URL.canParse(word)) return undefined;
  const { protocol, origin, href } = new URL(word);
  const isOfTheWeb = protocol === "http:" || protocol === "https:";
  const bare = href.toLowerCase().replace(/\/$/, "");
  const found = isOfTheWeb ? origin : bare;
  return bare === found && SERIALIZED.test(found) ? found : undefined;
}

function fail(value: string | readonly string[]): never {
  throw unknown(value);
}

function unknown(value: string | readonly string[]): RangeError {
  return new RangeError(`cors is ${JSON.stringify(value)}: expected ${ORIGINS_FORM}.`);
}
