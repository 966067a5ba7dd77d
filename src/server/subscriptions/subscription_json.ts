import type { Link, SubscriptionInfo } from "../../storage/subscription_store.ts";
import type { SubscriptionService } from "../../subscriptions/service.ts";
import { timeOf } from "../common/json_time.ts";
import { linkType } from "../../subscriptions/wake_body.ts";

/** A link as JSON has it (PROTOCOL §6.3). */
export function linkJson({ path, isExplicit, ackedOffset }: Link) {
  return { path, link_type: linkType(isExplicit), acked_offset: ackedOffset };
}

/**
 * A subscription as JSON has it, but for its streams (PROTOCOL §6.3); how it is between two wakes is an
 * extension.
 *
 * @param service knows the key that signs now, and what failed last
 */
export function subscriptionJson(
  { id, name, config, state, baseUrl, createdAtMs, pendingStreams }: SubscriptionInfo,
  service: Pick<SubscriptionService, "activeKid" | "lastFailure">,
) {
  const kid = service.activeKid();
  const failure = service.lastFailure(id);
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
    phase: state.phase,
    generation: state.generation,
    holder: state.holder === "" ? null : state.holder,
    wake_at: timeOf(state.wakeAtMs),
    due_at: timeOf(state.dueMs),
    failures: state.failures,
    last_failure: failure === undefined
      ? null
      : { at: new Date(failure.atMs).toISOString(), reason: failure.reason },
    lag: pendingStreams === undefined ? null : { streams: pendingStreams },
  };
}
