import { isLoopback } from "../../protocol/loopback.ts";

/** The names that an operator may give, as the end of "expected …". */
export const HOSTS_FORM =
  "*, or host names and IP addresses without ports such as app.example, separated by commas";

/** The names that a server goes by: a web page can give its own name any address, also this one's. */
export class Hosts {
  readonly #allowsAny: boolean;
  readonly #names: ReadonlySet<string>;
  /** The beginning of the last URL that was allowed, up to its path: nearly all have the same. */
  #last: string | undefined;

  /**
   * @param value the names, in a list or separated by commas; loopback names are always taken
   * @throws {RangeError} where one of them is no name
   */
  constructor(value: string | readonly string[]) {
    const words = (typeof value === "string" ? [value] : value)
      .flatMap((text) => text.split(/[\s,]+/)).filter((word) => word !== "");
    this.#allowsAny = words.includes("*");
    this.#names = new Set(words.filter((word) => word !== "*").map(nameOf));
  }

  /** Whether a request's absolute URL names one of them, whatever the port. */
  allows(url: string): boolean {
    if (this.#allowsAny || (this.#last !== undefined && url.startsWith(this.#last))) return true;
    const authority = authorityOf(url);
    const host = hostIn(authority);
    if (host === undefined || !(isLoopback(host) || this.#names.has(host))) return false;
    this.#last = url.slice(0, url.indexOf("//") + 2 + authority.length + 1);
    return true;
  }
}

/** Host and port of an absolute URL, as they were sent; empty where there are none. */
export function authorityOf(url: string): string {
  return /^https?:\/\/([^/?#\\]*)(?=\/)/i.exec(url)?.[1] ?? "";
}

/** A host in one spelling: lower case, IPv6 without brackets, no dot at the end. */
function hostIn(authority: string): string | undefined {
  const url = `http://${authority}/`;
  if (authority === "" || /[@\s]/.test(authority) || !URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/^\[|\]$|\.$/g, "");
}

function nameOf(word: string): string {
  const isIpv6 = /^\[?[0-9a-f.]*:[0-9a-f:.]*:[0-9a-f:.]*\]?$/i.test(word);
  const authority = isIpv6 ? `[${word.replace(/^\[|\]$/g, "")}]` : word;
  const host = isIpv6 || !/[:/\\?#%]/.test(word) ? hostIn(authority) : undefined;
  if (host !== undefined) return host;
  throw new RangeError(`allowedHosts has ${JSON.stringify(word)}: expected ${HOSTS_FORM}.`);
}
