import { redactedUrl } from "../../../client/errors/redacted_url.ts";
import { UsageError } from "../../flags/usage_error.ts";

/** Where the streams of a command are. */
export interface Location {
  /** What their URLs begin with. */
  readonly baseUrl: string;
  /** Their names below that, in the order of the arguments. */
  readonly names: readonly string[];
  /** What a signed link has beside its stream; it goes along with every request. */
  readonly query: Readonly<Record<string, string>>;
}

/** What the parameters of a signed link begin with. */
const LINK_PREFIX = "ds-";

/**
 * The streams that arguments name: by names below `--url`, or by whole URLs, which leave `--url` unread.
 *
 * @throws {UsageError} where names and URLs, or URLs of different servers, come together
 */
export function locate(args: readonly string[], url: string): Location {
  const first = args.find(isUrl);
  if (first === undefined) return { baseUrl: url, names: args, query: {} };
  const { origin } = new URL(first);
  const names = args.map((arg) => {
    if (isUrl(arg) && new URL(arg).origin === origin) return nameIn(arg);
    throw new UsageError(
      `${JSON.stringify(shownUrl(arg))} and ${
        JSON.stringify(shownUrl(first))
      } can't go together; accepted: two names, ` +
        "or two URLs of one server",
    );
  });
  const { search } = new URL(first);
  if (args.some((arg) => new URL(arg).search !== search)) {
    throw new UsageError(
      "Several URLs have different queries; accepted: one signed link at a time",
    );
  }
  return { baseUrl: origin, names, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** A URL for messages: without a user's name and password, and with `***` for what a signed link has. */
export function shownUrl(url: string): string {
  if (!/[@?]/.test(url) || !URL.canParse(url)) return url;
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return redactedUrl(shown.href);
}

function isUrl(arg: string): boolean {
  return /^https?:\/\//.test(arg) && URL.canParse(arg);
}

function nameIn(url: string): string {
  const { pathname, searchParams, hash } = new URL(url);
  const isLink = [...searchParams.keys()].every((name) => name.startsWith(LINK_PREFIX));
  try {
    if (isLink && hash === "") return decodeURIComponent(pathname);
  } catch {
    // Rejected below, like a URL with a query.
  }
  throw new UsageError(
    `${JSON.stringify(shownUrl(url))} is no stream's URL; accepted: one without a query ` +
      "other than a signed link's, encoded as UTF-8",
  );
}
