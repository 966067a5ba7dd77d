import { deepEqual, equal, throws } from "node:assert/strict";
import { checkReplacement, checkTls, type TlsOptions } from "../../src/listen/tls.ts";
import { AUTHORITY, CLIENT, FIRST, SECOND } from "../support/certificates.ts";

const FAULTS: readonly (readonly [fault: string, tls: TlsOptions, message: RegExp])[] = [
  ["an empty certificate", { ...FIRST, cert: "" }, /^tls\.cert holds no certificate: expected PEM/],
  ["a key for a certificate", { ...FIRST, cert: FIRST.key }, /^tls\.cert holds no certificate/],
  ["a certificate for a key", { ...FIRST, key: FIRST.cert }, /^tls\.key holds no private key/],
  ["another's key", { ...FIRST, key: SECOND.key }, /^tls\.key isn't the key of .*\(CN=first\)/],
  ["the authority's certificate first", {
    ...FIRST,
    cert: AUTHORITY + FIRST.cert,
  }, /^tls\.key isn't the key of .*test authority.*server's own certificate first/],
  ["a damaged certificate behind", {
    ...FIRST,
    cert: `${FIRST.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
  }, /^The certificate number 2 in tls\.cert is damaged/],
  ["a key with a passphrase", {
    ...FIRST,
    key: FIRST.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"),
  }, /^tls\.key has a passphrase/],
  ["authorities that are none", { ...FIRST, ca: "none" }, /^tls\.ca holds no certificate/],
];

for (const [fault, tls, message] of FAULTS) {
  Deno.test(`${fault} is refused, and said`, () => {
    throws(
      () => checkTls(tls),
      (error) => error instanceof RangeError && message.test(error.message),
    );
  });
}

Deno.test("a pair is taken, with what stands between it and the authority", () => {
  const chain = FIRST.cert + AUTHORITY;
  const { tls, validTo } = checkTls({ cert: chain, key: FIRST.key, ca: AUTHORITY });
  equal(validTo.getUTCFullYear(), 2126);
  deepEqual(tls, { cert: chain, key: FIRST.key, ca: AUTHORITY });
});

Deno.test("the text that tools put around PEM is left out, as one runtime refuses it", () => {
  const parameters =
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const around = {
    cert: `Certificate:\n  Data: 1\n${FIRST.cert}\n`,
    key: `${parameters}${FIRST.key}\n`,
  };
  deepEqual(checkTls(around).tls, FIRST);
});

Deno.test("a new certificate doesn't change whether clients need one", () => {
  checkReplacement(FIRST, SECOND);
  const withCa = { ...SECOND, ca: AUTHORITY };
  checkReplacement({ ...CLIENT, ca: AUTHORITY }, withCa);
  throws(() => checkReplacement(FIRST, withCa), /Whether clients need certificates can't change/);
  throws(() => checkReplacement(withCa, FIRST), /Whether clients need certificates can't change/);
  throws(() => checkReplacement(undefined, FIRST), /it speaks plain HTTP/);
});
