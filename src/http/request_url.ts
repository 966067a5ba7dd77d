import { ParseError } from "./parse_error.ts";

const PLAIN_CHARACTERS = /^\/[\w\-~!$&()*+,;=:@%/?.]*$/;

/** Makes a request's absolute URL from its target and its `Host`. */
export class RequestUrls {
  readonly #scheme: "http:" | "https:";
  #host: string | undefined;
  #origin = "";

  /** @param isEncrypted whether they begin with https */
  constructor(isEncrypted = false) {
    this.#scheme = isEncrypted ? "https:" : "http:";
  }

  /**
   * As `new URL(…).href` gives it.
   *
   * @throws {ParseError}
   */
  of(target: string, host: string | null): string {
    if (target.startsWith("/")) {
      const origin = this.#originOf(host ?? "localhost");
      return isNormalized(target) ? origin + target : normalize(origin + target);
    }
    if (target === "*") return `${this.#originOf(host ?? "localhost")}/*`;
    if (/^https?:\/\//i.test(target)) return ofWhole(target, host);
    throw new ParseError(400, "The request's target is not a path.");
  }

  // Nearly all requests have the Host of the one before.
  #originOf(host: string): string {
    if (host === this.#host) return this.#origin;
    const { origin } = parse(this.#scheme, host);
    this.#host = host;
    this.#origin = origin;
    return this.#origin;
  }
}

/** A name, an IPv4 or an IPv6 address, and a port. Other characters that RFC 3986 allows, nobody uses. */
const HOST_AND_PORT = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~-]+)(?::[0-9]*)?$/;

function parse(scheme: string, host: string): URL {
  const url = `${scheme}//${host}/`;
  if (HOST_AND_PORT.test(host) && URL.canParse(url)) return new URL(url);
  throw new ParseError(400, "The Host is not a host and a port.");
}

/** Two servers could disagree on whom the request is for where the target names another host. */
function ofWhole(target: string, host: string | null): string {
  const href = normalize(target);
  const url = new URL(href);
  if (url.username !== "" || url.password !== "") {
    throw new ParseError(400, "The request's target names a user: expected http://HOST/PATH.");
  }
  if (host !== null && parse(url.protocol, host).host !== url.host) {
    throw new ParseError(400, "The request's target and its Host name different hosts.");
  }
  return href;
}

/** Whether a path is the same in a URL: no segment stands for another, nothing is to be encoded. */
function isNormalized(target: string): boolean {
  return PLAIN_CHARACTERS.test(target) && !target.includes("/.") &&
    !(target.includes("%") && /%2e/i.test(target));
}

function normalize(url: string): string {
  if (!URL.canParse(url)) throw new ParseError(400, "The request's target is not a URL.");
  const parsed = new URL(url);
  parsed.hash = "";
  return parsed.href;
}
