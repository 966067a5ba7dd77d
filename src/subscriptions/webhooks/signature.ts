import { type KeyObject, sign } from "node:crypto";
import type { Bytes } from "../../protocol/bytes.ts";
import { formatWebhookSignature, signedContent } from "../../protocol/webhook_signature.ts";

/** What a signature is made with. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/**
 * The value of `Webhook-Signature` for a delivery (PROTOCOL §7.1). A delivery that is repeated is
 * signed anew, for its own time.
 */
export function signWebhook({ kid, privateKey }: SigningKey, body: Bytes, nowMs: number): string {
  const timestamp = Math.floor(nowMs / 1000);
  const signature = sign(null, signedContent(timestamp, body), privateKey).toString("base64url");
  return formatWebhookSignature({ timestamp, kid, signature });
}
