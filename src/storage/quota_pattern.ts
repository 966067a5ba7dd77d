import { quote, StreamError } from "../protocol/errors.ts";
import { GLOBSTAR, matches, parsePattern, type Pattern, STAR } from "../protocol/name_pattern.ts";

/** The pattern of a quota, which says for a name whether it is meant, and in which account it is. */
export class QuotaPattern {
  readonly text: string;
  readonly #pattern: Pattern;
  /** So many segments at the beginning of a name say which account it is in. */
  readonly #keySegments: number;

  /** @throws {RangeError} where the text is no pattern, or says of some names two accounts */
  constructor(text: string) {
    this.text = text;
    this.#pattern = parse(text);
    const { segments } = this.#pattern;
    const globstar = segments.indexOf(GLOBSTAR);
    const lastStar = segments.lastIndexOf(STAR);
    if (globstar !== -1 && lastStar > globstar) {
      throw new RangeError(
        `The quota's pattern ${quote(text)} has a * behind a **, and so a name may have several ` +
          "accounts: leave one of them out.",
      );
    }
    this.#keySegments = lastStar + 1;
  }

  /** The account of a name; `undefined` where the pattern doesn't match it. */
  keyOf(name: string): string | undefined {
    if (!matches(this.#pattern, name)) return undefined;
    let end = -1;
    for (let left = this.#keySegments; left > 0; left--) {
      end = name.indexOf("/", end + 1);
      if (end === -1) return name;
    }
    return name.slice(0, Math.max(0, end));
  }

  /** How an account is called: the pattern with its stars filled. */
  nameOf(key: string): string {
    const rest = this.#pattern.segments.slice(this.#keySegments);
    return [...(this.#keySegments === 0 ? [] : [key]), ...rest].join("/");
  }
}

function parse(text: string): Pattern {
  try {
    return parsePattern(text);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new RangeError(error.message);
  }
}
