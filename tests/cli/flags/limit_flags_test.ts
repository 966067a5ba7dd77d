import { deepEqual, equal, throws } from "node:assert/strict";
import { BadValue } from "../../../src/cli/flags/flag.ts";
import { limitFlags } from "../../../src/cli/flags/limit_flags.ts";

const MIB = 2 ** 20;

Deno.test("a rate is so many a second, and so many at once", () => {
  const { clientRequests, clientBytes } = limitFlags;
  deepEqual(clientRequests.parse("100/s"), { perSecond: 100 });
  deepEqual(clientRequests.parse("100/s burst 500"), { perSecond: 100, burst: 500 });
  deepEqual(clientRequests.parse("100/s, burst 500"), { perSecond: 100, burst: 500 });
  deepEqual(clientBytes.parse("1MiB/s, burst 16MiB"), { perSecond: MIB, burst: 16 * MIB });
  deepEqual(clientBytes.parse("512/s"), { perSecond: 512 });
  equal(clientRequests.parse("none"), undefined);
  for (
    const text of ["", "100", "100/m", "0/s", "-1/s", "1.5/s", "1KiB/s", "1/s burst", "1/s burst 0"]
  ) {
    throws(() => clientRequests.parse(text), BadValue, text);
  }
  for (const text of ["1MB/s", "0/s", "MiB/s", "1MiB/s burst x"]) {
    throws(() => clientBytes.parse(text), BadValue, text);
  }
});

Deno.test("readers are none, which is no limit, or a number", () => {
  equal(limitFlags.clientReaders.parse("none"), undefined);
  equal(limitFlags.clientReaders.parse("20"), 20);
  for (const text of ["0", "-1", "x", ""]) {
    throws(() => limitFlags.clientReaders.parse(text), BadValue, text);
  }
});

Deno.test("quotas are patterns with bytes, streams or both, a line each", () => {
  const { quotas } = limitFlags;
  deepEqual(quotas.parse("users/*/** = 1MiB, 1000 streams\nlogs/** = 1 stream\na=b=5"), [
    { pattern: "users/*/**", bytes: MIB, streams: 1000 },
    { pattern: "logs/**", streams: 1 },
    { pattern: "a=b", bytes: 5 },
  ]);
  equal(quotas.parse("none"), undefined);
  const wrong = [
    "users/*/**",
    "users/*/** =",
    "users/*/** = 5, 6",
    "users/*/** = 1 streams, 2 streams",
    "users/*/** = 1GB",
    "users* = 1GiB",
    "/users = 1GiB",
    "a/**/* = x",
    "**/a/* = 1GiB",
    " = 1GiB",
  ];
  for (const text of wrong) throws(() => quotas.parse(text), BadValue, text);
});

Deno.test("trusted proxies are addresses and networks", () => {
  const { trustedProxies } = limitFlags;
  equal(trustedProxies.parse("10.0.0.0/8,::1"), "10.0.0.0/8,::1");
  for (const text of ["10.0.0.0/33", "proxy", "10.0.0.0/8 x"]) {
    throws(() => trustedProxies.parse(text), BadValue, text);
  }
});
