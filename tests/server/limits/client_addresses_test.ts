import { equal, throws } from "node:assert/strict";
import type { HttpRequest } from "../../../src/http/handler.ts";
import { ClientAddresses, parseNetworks } from "../../../src/server/limits/client_addresses.ts";

function request(peer: string | undefined, headers: Record<string, string> = {}): HttpRequest {
  return {
    method: "GET",
    url: "http://localhost/v1/stream/a",
    headers: new Headers(headers),
    body: null,
    signal: new AbortController().signal,
    ...(peer !== undefined && { peerAddress: () => peer }),
  };
}

const direct = new ClientAddresses({ trustProxy: false });
const behind = new ClientAddresses({ trustProxy: true });
const chained = new ClientAddresses({
  trustProxy: true,
  trustedProxies: "10.0.0.0/8, fd00::/8,192.0.2.1",
});

Deno.test("a client is its IPv4 address, or its IPv6 network of /64", () => {
  equal(direct.keyOf(request("203.0.113.7")), "203.0.113.7");
  equal(direct.keyOf(request("::ffff:203.0.113.7")), "203.0.113.7");
  const one = direct.keyOf(request("2001:db8:1:2:aaaa::1"));
  equal(one, "2001:db8:1:2::/64");
  equal(direct.keyOf(request("2001:db8:1:2:bbbb::2")), one);
  equal(direct.keyOf(request("2001:db8:1:3:aaaa::1")), "2001:db8:1:3::/64");
  equal(direct.keyOf(request("fe80::1%eth0")), "fe80:0:0:0::/64");
  // A socket of the file system has no address: all there are one client.
  equal(direct.keyOf(request("")), "");
  equal(direct.keyOf(request(undefined)), "");
});

Deno.test("without --trust-proxy, nothing that a client says changes who it is", () => {
  const headers = { "x-forwarded-for": "198.51.100.1", forwarded: "for=198.51.100.1" };
  equal(direct.keyOf(request("203.0.113.7", headers)), "203.0.113.7");
});

Deno.test("behind a proxy a client is who asked the proxy, and not who it says it asked for", () => {
  const told: readonly [Record<string, string>, string][] = [
    [{ "x-forwarded-for": "198.51.100.1" }, "198.51.100.1"],
    [{ "x-forwarded-for": "1.1.1.1, 198.51.100.1" }, "198.51.100.1"],
    [{ "x-forwarded-for": "198.51.100.1:4711" }, "198.51.100.1"],
    [{ "x-forwarded-for": "[2001:db8::1]:4711" }, "2001:db8:0:0::/64"],
    [{ "x-forwarded-for": "2001:db8::1" }, "2001:db8:0:0::/64"],
    [{ forwarded: 'for=1.1.1.1, for="[2001:db8::1]:80";proto=https' }, "2001:db8:0:0::/64"],
    [{ forwarded: "for=198.51.100.1;by=10.0.0.1" }, "198.51.100.1"],
    [{ forwarded: "for=198.51.100.1", "x-forwarded-for": "198.51.100.1" }, "198.51.100.1"],
  ];
  for (const [headers, expected] of told) {
    // The second time from memory.
    for (let i = 0; i < 2; i++) equal(behind.keyOf(request("10.0.0.1", headers)), expected);
  }
});

Deno.test("a proxy that says nothing, nonsense, or two things leaves its own address", () => {
  const told: readonly Record<string, string>[] = [
    {},
    { "x-forwarded-for": "unknown" },
    { "x-forwarded-for": "198.51.100.1, _hidden" },
    { "x-forwarded-for": "198.51.100.1," },
    { "x-forwarded-for": "0x7f.1" },
    { "x-forwarded-for": "198.51.100" },
    { forwarded: "for=unknown" },
    { forwarded: "for=198.51.100.1, proto=https" },
    { forwarded: "for=198.51.100.1;;" },
    { forwarded: "for=198.51.100.1", "x-forwarded-for": "198.51.100.2" },
  ];
  for (const headers of told) {
    for (const proxy of ["10.0.0.1", "10.0.0.2"]) {
      equal(behind.keyOf(request(proxy, headers)), proxy, JSON.stringify(headers));
    }
  }
});

Deno.test("with --trusted-proxies a client is the last hop that none of them is", () => {
  const hops = (value: string, peer = "10.0.0.1") =>
    chained.keyOf(request(peer, { "x-forwarded-for": value }));
  equal(hops("6.6.6.6, 198.51.100.1, 10.2.3.4, 192.0.2.1"), "198.51.100.1");
  equal(hops("198.51.100.1, fd00::5"), "198.51.100.1");
  equal(hops("6.6.6.6, nonsense, 10.2.3.4"), "10.2.3.4");
  equal(hops("10.2.3.4, 10.2.3.5"), "10.2.3.4");
  equal(hops("6.6.6.6", "203.0.113.7"), "203.0.113.7");
  equal(hops("6.6.6.6", "192.0.2.2"), "192.0.2.2");
  const forwarded = "for=6.6.6.6, for=198.51.100.1, for=10.2.3.4";
  equal(chained.keyOf(request("10.0.0.1", { forwarded })), "198.51.100.1");
  equal(chained.keyOf(request("::ffff:10.0.0.1", { forwarded })), "198.51.100.1");
});

Deno.test("proxies that are no addresses are refused by name", () => {
  for (
    const list of ["10.0.0.0/33", "proxy.example", "10.0.0.0/8,10.0.0/8", "::/129", "1.2.3.4/x"]
  ) {
    throws(() => parseNetworks(list), /is no address or network: expected IP addresses/);
  }
  equal(parseNetworks("10.0.0.0/8, ::1").length, 2);
});
