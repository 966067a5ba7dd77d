import type { Clock } from "../env/clock.ts";
import { formatTraceparent, TRACEPARENT } from "../tracing/trace_context.ts";
import type { DeliverySpan, Tracer } from "../tracing/tracer.ts";
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
  readonly tracer?: Pick<Tracer, "delivery"> | undefined;
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
  { clock, keys, transport, tracer }: DeliveryParts,
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const { webhookUrl: url = "" } = wake.subscription.config;
  const body = encodeWakeBody(
    wake,
    createWakeToken(keys.tokenSecret, wake.subscription, "callback"),
  );
  const span = tracer && beginSpan(wake, url, tracer);
  const headers = {
    "content-type": "application/json",
    [WEBHOOK_SIGNATURE]: signWebhook(keys.active(), body, clock.nowMs()),
    ...(span && { [TRACEPARENT]: formatTraceparent(span.context) }),
  };
  const failed = (problem: string, status?: number): DeliveryResult => {
    span?.end(status, problem);
    return { outcome: "failed", problem };
  };
  try {
    const response = await transport.send({ url, headers, body, signal });
    const { status } = response;
    if (status < 200 || status > 299) return failed(`it answered ${status}`, status);
    span?.end(status, undefined);
    return { outcome: saysDone(response.body) ? "done" : "accepted" };
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

function beginSpan(
  { subscription, streams, trace }: Wake,
  url: string,
  tracer: Pick<Tracer, "delivery">,
): DeliverySpan {
  const { name, state: { generation, failures } } = subscription;
  return tracer.delivery({
    parent: trace,
    subscription: name,
    generation,
    failures,
    streams: streams.length,
    url,
  });
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
