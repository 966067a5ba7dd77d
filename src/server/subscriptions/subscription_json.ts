import type { Link, SubscriptionInfo } from "../../storage/subscription_store.ts";
import { linkType } from "../../subscriptions/wake_body.ts";

/** A link as JSON has it (PROTOCOL §6.3). */
export function linkJson({ path, isExplicit, ackedOffset }: Link) {
  return { path, link_type: linkType(isExplicit), acked_offset: ackedOffset };
}

/**
 * A subscription as JSON has it, but for its streams (PROTOCOL §6.3).
 *
 * @param kid the key that signs now
 */
export function subscriptionJson(
  { name, config, state, baseUrl, createdAtMs }: SubscriptionInfo,
  kid: string,
) {
  const { type, pattern, webhookUrl, wakeStream, leaseMs, description } = config;
  return {
    id: name,
    subscription_id: name,
    type,
    pattern: pattern ?? null,
    webhook: webhookUrl === undefined ? null : {
      url: webhookUrl,
      signing: { alg: "ed25519", kid, jwks_url: `${baseUrl}/__ds/jwks.json` },
    },
    wake_stream: wakeStream ?? null,
    lease_ttl_ms: leaseMs,
    created_at: new Date(createdAtMs).toISOString(),
    status: state.failed ? "failed" : "active",
    description: description ?? null,
  };
}
