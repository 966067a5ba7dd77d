import ipaddr from "ipaddr.js";
import type { HttpRequest, RequestHeaders } from "../../http/handler.ts";
import { RecentMap } from "../../access/recent_map.ts";
import { quote } from "../../protocol/errors.ts";
import { copyString } from "../../storage/copy_string.ts";
import { forwardedElements } from "../urls/forwarded.ts";

/** The form of the proxies' addresses, as the end of "accepted: …". */
export const PROXIES_FORM = "IP addresses or networks, such as 10.0.0.0/8, several by commas";

/** Longer ones are looked at anew each time. */
const REMEMBERED_CHARS = 256;
/** Beyond so many, those are forgotten that nobody has come from in a while. */
const REMEMBERED = 65_536;

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** How clients are told apart that show nothing else. */
export interface ClientAddressesOptions {
  /** Whether the peer is a proxy, which says who asked it. */
  readonly trustProxy: boolean;
  /** The proxies that are believed; the peer alone unless given. */
  readonly trustedProxies?: string | readonly string[] | undefined;
}

/**
 * Tells clients apart by their address: that of the connection, or of whoever asked the proxy there. All
 * of an IPv6 network of /64 are one client, since a single machine has that many addresses.
 */
export class ClientAddresses {
  readonly #trustsProxy: boolean;
  readonly #proxies: readonly Network[] | undefined;
  /** What addresses and headers came to: parsing one takes longer than all else about a limit. */
  readonly #keys = new RecentMap<string>(REMEMBERED);
  readonly #hops = new RecentMap<string>(REMEMBERED);

  /** @throws {RangeError} where a proxy's address is none */
  constructor({ trustProxy, trustedProxies }: ClientAddressesOptions) {
    this.#trustsProxy = trustProxy;
    this.#proxies = trustedProxies === undefined ? undefined : parseNetworks(trustedProxies);
  }

  /** Whether a connection's requests are all of one client. */
  get isByConnection(): boolean {
    return !this.#trustsProxy;
  }

  /** What the client of a request is known by. */
  keyOf(request: HttpRequest): string {
    const peer = request.peerAddress?.() ?? "";
    return this.#trustsProxy ? this.#forwardedKey(peer, request.headers) : this.#keyOfAddress(peer);
  }

  #forwardedKey(peer: string, headers: RequestHeaders): string {
    const standard = headers.get("forwarded");
    const usual = headers.get("x-forwarded-for");
    if (this.#proxies === undefined && standard === null && usual !== null) {
      const last = usual.slice(usual.lastIndexOf(",") + 1);
      const key = remembered(this.#hops, last, () => networkOf(addressOf(last) ?? ""));
      return key === "" ? this.#keyOfAddress(peer) : key;
    }
    if (!this.#isBelieved(peer)) return this.#keyOfAddress(peer);
    const told = usual === null ? undefined : this.#clientOf(peer, usual.split(","));
    if (standard === null) return this.#keyOfAddress(told ?? peer);
    const elements = forwardedElements(standard) ?? [];
    const client = this.#clientOf(peer, elements.map((pairs) => pairs.get("for") ?? ""));
    // A proxy that sets only one of them hands on the other as anybody sent it.
    return this.#keyOfAddress(told === undefined || told === client ? client : peer);
  }

  /** The last of the hops that the trusted ones tell of: whoever asked the first of these proxies. */
  #clientOf(peer: string, hops: readonly string[]): string {
    let client = peer;
    for (let i = hops.length - 1; i >= 0; i--) {
      const address = addressOf(hops[i] ?? "");
      if (address === undefined) return client;
      client = address;
      if (this.#proxies === undefined || !this.#isBelieved(address)) return client;
    }
    return client;
  }

  #isBelieved(address: string): boolean {
    if (this.#proxies === undefined) return true;
    const parsed = parseAddress(address);
    return parsed !== undefined && this.#proxies.some(([network, bits]) => {
      if (parsed.kind() !== network.kind()) return false;
      return parsed.match(network, bits);
    });
  }

  #keyOfAddress(address: string): string {
    // An IPv4 address is its own key, and nearly all are.
    return address.includes(":")
      ? remembered(this.#keys, address, () => networkOf(address))
      : address;
  }
}

function remembered(keys: RecentMap<string>, text: string, make: () => string): string {
  const known = keys.get(text);
  if (known !== undefined) return known;
  const key = make();
  if (text.length > REMEMBERED_CHARS) return key;
  keys.set(copyString(text), key);
  return key;
}

/**
 * The networks of a list; a single address is one of itself alone.
 *
 * @throws {RangeError} where one is none
 */
export function parseNetworks(list: string | readonly string[]): Network[] {
  const texts = typeof list === "string" ? list.split(/[,\s]+/) : list;
  return texts.filter((text) => text !== "").map(parseNetwork);
}

function parseNetwork(text: string): Network {
  const [address = "", bits] = text.split("/");
  const parsed = parseAddress(address);
  const longest = parsed?.kind() === "ipv4" ? 32 : 128;
  const length = bits === undefined ? longest : /^[0-9]{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (parsed !== undefined && length <= longest) return [parsed, length];
  throw new RangeError(`${quote(text)} is no address or network: expected ${PROXIES_FORM}.`);
}

/** An address in dots or colons; those of IPv4 within IPv6 are taken for what they stand for. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // Old ways to write IPv4, with fewer parts or in octal, are read differently by different programs.
  const isOne = ipaddr.IPv6.isValid(text) || ipaddr.IPv4.isValidFourPartDecimal(text);
  return isOne ? ipaddr.process(text) : undefined;
}

/** The address of a hop as proxies write it: with or without a port, IPv6 with or without brackets. */
function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  const [, bracketed] = /^\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?$/.exec(text) ?? [];
  const [, dotted] = /^([0-9.]+)(?::[0-9]{1,5})?$/.exec(text) ?? [];
  return parseAddress(bracketed ?? dotted ?? text)?.toString();
}

/** What isn't an address stands for itself: an app that embeds this one may know its clients otherwise. */
function networkOf(address: string): string {
  const parsed = parseAddress(address.replace(/%.*$/, ""));
  if (parsed === undefined) return address;
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const parts = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${parts.join(":")}::/64`;
}
