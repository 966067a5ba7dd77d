import { UsageError } from "../../flags/usage_error.ts";

/** Where the streams of a command are. */
export interface Location {
  /** What their URLs begin with. */
  readonly baseUrl: string;
  /** Their names below that, in the order of the arguments. */
  readonly names: readonly string[];
}

/**
 * The streams that arguments name: by names below `--url`, or by whole URLs, which leave `--url` unread.
 *
 * @throws {UsageError} where names and URLs, or URLs of different servers, come together
 */
export function locate(args: readonly string[], url: string): Location {
  const first = args.find(isUrl);
  if (first === undefined) return { baseUrl: url, names: args };
  const { origin } = new URL(first);
  const names = args.map((arg) => {
    if (isUrl(arg) && new URL(arg).origin === origin) return nameIn(arg);
    throw new UsageError(
      `${JSON.stringify(arg)} and ${
        JSON.stringify(first)
      } can't go together; accepted: two names, ` +
        "or two URLs of one server",
    );
  });
  return { baseUrl: origin, names };
}

function isUrl(arg: string): boolean {
  return /^https?:\/\//.test(arg) && URL.canParse(arg);
}

function nameIn(url: string): string {
  const { pathname, search, hash } = new URL(url);
  try {
    if (search === "" && hash === "") return decodeURIComponent(pathname);
  } catch {
    // Rejected below, like a URL with a query.
  }
  throw new UsageError(
    `${JSON.stringify(url)} is no stream's URL; accepted: one without a query, encoded as UTF-8`,
  );
}
