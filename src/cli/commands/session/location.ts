import { UsageError } from "../../flags/usage_error.ts";

/** Where the streams of a command are. */
export interface Location {
  /** What their URLs begin with. */
  readonly baseUrl: string;
  /** Their names below that, in the order of the words. */
  readonly names: readonly string[];
}

/**
 * The streams that words name: by names below `--url`, or by whole URLs, which leave `--url` unread.
 *
 * @throws {UsageError} where names and URLs, or URLs of different servers, come together
 */
export function locate(words: readonly string[], url: string): Location {
  const first = words.find(isUrl);
  if (first === undefined) return { baseUrl: url, names: words };
  const { origin } = new URL(first);
  const names = words.map((word) => {
    if (isUrl(word) && new URL(word).origin === origin) return nameIn(word);
    throw new UsageError(
      `${JSON.stringify(word)} and ${
        JSON.stringify(first)
      } can't go together; accepted: two names, ` +
        "or two URLs of one server",
    );
  });
  return { baseUrl: origin, names };
}

function isUrl(word: string): boolean {
  return /^https?:\/\//.test(word) && URL.canParse(word);
}

function nameIn(word: string): string {
  const { pathname, search, hash } = new URL(word);
  try {
    if (search === "" && hash === "") return decodeURIComponent(pathname);
  } catch {
    // Refused below, as what has a query is.
  }
  throw new UsageError(
    `${JSON.stringify(word)} is no stream's URL; accepted: one without a query, encoded as UTF-8`,
  );
}
