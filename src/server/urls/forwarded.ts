import type { RequestHeaders } from "../../http/handler.ts";

/** The URL that a proxy was asked for, as far as it says so. */
export interface Forwarded {
  scheme?: "http" | "https";
  /** A host with or without a port. */
  host?: string;
  port?: string;
  /** The beginning of the path that the proxy cut off, without a slash at the end. */
  prefix?: string;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** One `name=value` of `Forwarded`, with what stands behind it. */
const PAIR = new RegExp(
  `[ \\t]*(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\\\x00-\\x1f]|\\\\[^\\x00-\\x1f])*)")[ \\t]*([;,]|$)`,
  "y",
);
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.~-]+)(?::[0-9]{1,5})?$/;
const PORT = /^[1-9][0-9]{0,4}$/;
const PREFIX = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+,;=:@-]+)*\/?$/;

/**
 * The nearest proxy's account, by `Forwarded` (RFC 7239) and `X-Forwarded-Proto`, `-Host`, `-Port` and
 * `-Prefix`: of a list, the last part, since those before it may be anybody's.
 *
 * @returns `undefined` where any of it is malformed, and where the two ways to say it differ
 */
export function parseForwarded(headers: RequestHeaders): Forwarded | undefined {
  const standard = ofStandard(headers.get("forwarded"));
  if (standard === undefined) return undefined;
  const told: Forwarded = {};
  const scheme = both(standard.get("proto"), last(headers, "x-forwarded-proto"))?.toLowerCase();
  const host = both(standard.get("host"), last(headers, "x-forwarded-host"))?.toLowerCase();
  const port = last(headers, "x-forwarded-port");
  const prefix = last(headers, "x-forwarded-prefix");
  if (scheme !== undefined) {
    if (scheme !== "http" && scheme !== "https") return undefined;
    told.scheme = scheme;
  }
  if (host !== undefined) {
    if (!HOST.test(host) || !URL.canParse(`http://${host}/`)) return undefined;
    told.host = host;
  }
  if (port !== undefined) {
    if (!PORT.test(port) || Number(port) > 65_535) return undefined;
    told.port = port;
  }
  if (prefix !== undefined) {
    if (!PREFIX.test(prefix)) return undefined;
    told.prefix = prefix.replace(/\/$/, "");
  }
  return told;
}

/** Stands for a scheme, host or anything else that isn't accepted. */
const CONTRADICTION = "\0";

function both(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.toLowerCase() === other.toLowerCase() ? one : CONTRADICTION;
}

function last(headers: RequestHeaders, name: string): string | undefined {
  return headers.get(name)?.split(",").at(-1)?.trim();
}

/** The last element's pairs, by lower-case name; `undefined` where the header is malformed. */
function ofStandard(value: string | null): Map<string, string> | undefined {
  return value === null ? new Map() : forwardedElements(value)?.at(-1);
}

/**
 * The pairs of each element of a `Forwarded`, by lower-case name, the nearest proxy's last; `undefined`
 * where the header is malformed.
 */
export function forwardedElements(value: string): Map<string, string>[] | undefined {
  const elements: Map<string, string>[] = [];
  let pairs = new Map<string, string>();
  let end = ",";
  for (PAIR.lastIndex = 0; end !== "";) {
    const [, name = "", token, quoted = "", delimiter = ""] = PAIR.exec(value) ?? [];
    if (name === "") return undefined;
    if (end === ",") elements.push(pairs = new Map());
    if (pairs.has(name.toLowerCase())) return undefined;
    pairs.set(name.toLowerCase(), token ?? quoted.replace(/\\(.)/g, "$1"));
    end = delimiter;
  }
  return elements;
}
