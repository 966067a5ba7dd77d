import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { equal, ok } from "node:assert/strict";
import { type Bytes, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { parseWebhookSignature, signedContent } from "../../../src/protocol/webhook_signature.ts";
import { keyPairOf, type PublicJwk } from "../../../src/subscriptions/webhooks/ed25519.ts";
import { signWebhook } from "../../../src/subscriptions/webhooks/signature.ts";

/** The example key of RFC 8037, appendix A. */
const SEED = Buffer.from("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "base64url");
const X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const KID = "ds_kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const NOW_MS = 1_778_324_210_999;
const BODY = encodeUtf8('{"wake_id":"w_1","text":"é"}');
const { privateKey, jwk } = keyPairOf(SEED);
const HEADER = signWebhook({ kid: jwk.kid, privateKey }, BODY, NOW_MS);

/** As a receiver verifies it: by the public key that was published. */
function isVerified(header: string, body: Bytes, { kid, kty, crv, x }: PublicJwk): boolean {
  const parsed = parseWebhookSignature(header);
  if (parsed === undefined || parsed.kid !== kid) return false;
  const key = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
  const signature = Buffer.from(parsed.signature, "base64url");
  return verify(null, signedContent(parsed.timestamp, body), key, signature);
}

Deno.test("a key's public part and thumbprint are those of RFC 8037 (§6.5)", () => {
  equal(jwk.x, X);
  equal(jwk.kid, KID);
});

Deno.test("a webhook is signed by Ed25519 over its second and raw body (§7.1)", () => {
  const parsed = parseWebhookSignature(HEADER);
  equal(parsed?.timestamp, 1_778_324_210);
  equal(parsed?.kid, KID);
  ok(isVerified(HEADER, BODY, jwk));
  ok(!HEADER.endsWith("="), "base64url isn't padded");
});

Deno.test("a signature is of this body, time and key only", () => {
  ok(!isVerified(HEADER, encodeUtf8('{"wake_id":"w_2","text":"é"}'), jwk));
  ok(!isVerified(HEADER.replace("t=1778324210", "t=1778324211"), BODY, jwk));
  const other = keyPairOf(new Uint8Array(32).fill(1)).jwk;
  ok(!isVerified(HEADER, BODY, { ...other, kid: KID }));
  equal(signWebhook({ kid: jwk.kid, privateKey }, BODY, NOW_MS), HEADER);
});
