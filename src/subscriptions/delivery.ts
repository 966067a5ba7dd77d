import type { Clock } from "../env/clock.ts";
import { WEBHOOK_SIGNATURE } from "../protocol/webhook_signature.ts";
import type { Wake } from "../storage/subscription_store.ts";
import { encodeWakeBody } from "./wake_body.ts";
import { createWakeToken } from "./wake_token.ts";
import { signWebhook } from "./webhooks/signature.ts";
import type { SigningKeys } from "./webhooks/signing_keys.ts";
import type { WebhookTransport } from "./webhooks/transport.ts";

/** What deliveries are made with. */
export interface DeliveryParts {
  readonly clock: Clock;
  readonly keys: SigningKeys;
  readonly transport: WebhookTransport;
}

/** What came of a delivery: the answer's meaning, and for a failure why, for the log. */
export interface DeliveryResult {
  readonly outcome: "done" | "accepted" | "failed";
  readonly problem?: string;
}

/**
 * Sends a wake to its webhook, signed (PROTOCOL §7.1). It doesn't throw.
 *
 * @param signal ends it
 */
export async function sendWake(
  wake: Wake,
  { clock, keys, transport }: DeliveryParts,
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const { webhookUrl: url = "" } = wake.subscription.config;
  const body = encodeWakeBody(
    wake,
    createWakeToken(keys.tokenSecret, wake.subscription, "callback"),
  );
  const headers = {
    "content-type": "application/json",
    [WEBHOOK_SIGNATURE]: signWebhook(keys.active(), body, clock.nowMs()),
  };
  try {
    const response = await transport.send({ url, headers, body, signal });
    const { status } = response;
    if (status < 200 || status > 299) {
      return { outcome: "failed", problem: `it answered ${status}` };
    }
    return { outcome: saysDone(response.body) ? "done" : "accepted" };
  } catch (error) {
    return { outcome: "failed", problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether an answer is `{ "done": true }`; any other text is as good as none. */
function saysDone(body: Uint8Array): boolean {
  try {
    const answer: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof answer === "object" && answer !== null && "done" in answer &&
      answer.done === true;
  } catch {
    return false;
  }
}
