import ipaddr from "ipaddr.js";

/**
 * What each range is called in a message. A range that isn't here, such as one that a newer version
 * of the library knows, is forbidden too: only `unicast` is public.
 */
const RANGE_NAMES: ReadonlyMap<string, string> = new Map([
  ["unspecified", "the unspecified network"],
  ["broadcast", "the broadcast address"],
  ["multicast", "a multicast address"],
  ["linkLocal", "a link-local address"],
  ["loopback", "a loopback address"],
  ["carrierGradeNat", "an address behind a carrier's NAT"],
  ["private", "a private address"],
  ["uniqueLocal", "a private address"],
  ["deprecatedSiteLocal", "a private address"],
  ["ipv4Mapped", "an IPv4 address written as IPv6"],
  ["rfc6145", "an IPv4 address written as IPv6"],
  ["rfc6052", "an IPv4 address behind NAT64"],
  ["6to4", "an IPv4 address behind 6to4"],
  ["teredo", "an IPv4 address behind Teredo"],
]);

const RESERVED = "a reserved address";

/** Endpoints of clouds at public addresses; all others are in a forbidden range. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set(["168.63.129.16"]);

/** Names that only a local network has: RFC 6761, 6762 and 8375, ICANN's `internal`, and customs. */
const LOCAL_SUFFIXES: readonly string[] = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "lan",
  "home",
  "corp",
  "home.arpa",
];

/**
 * Why a webhook may not go to an IP address: "a private address", for a sentence.
 *
 * @returns `undefined` for a public address (PROTOCOL §12.8)
 */
export function forbiddenAddress(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return "no IP address";
  const parsed = ipaddr.parse(address);
  const range: string = parsed.range();
  if (range !== "unicast") return RANGE_NAMES.get(range) ?? RESERVED;
  if (METADATA_ADDRESSES.has(parsed.toString())) return "a cloud's metadata address";
  // Of IPv6 only 2000::/3 is given out; below it are old forms that hold an IPv4 address.
  if (parsed instanceof ipaddr.IPv6 && ((parsed.parts[0] ?? 0) & 0xe000) !== 0x2000) {
    return RESERVED;
  }
  return undefined;
}

/** Whether an IP address is this machine's own: 127.0.0.0/8 or `::1`, and no other form of those. */
export function isLoopbackAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.parse(address).range() === "loopback";
}

/**
 * Why a webhook may not go to a host of this name, whatever it resolves to: "a name of the local
 * network", for a sentence.
 *
 * @param host in lower case, as `URL` gives it
 * @returns `undefined` for a name that the whole Internet may know
 */
export function forbiddenName(host: string): string | undefined {
  if (host.endsWith(".")) return "a name that ends with a dot";
  if (!host.includes(".")) return "a name without a domain";
  const isLocal = LOCAL_SUFFIXES.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
  return isLocal ? "a name of a local network" : undefined;
}
