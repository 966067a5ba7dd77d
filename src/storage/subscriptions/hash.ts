import { createHash } from "node:crypto";
import type { SubscriptionConfig } from "../subscription.ts";

/** Tells configurations apart: the SHA-256 of all that a subscription was created with (PROTOCOL §6.2). */
export function hashConfig(config: SubscriptionConfig): string {
  const { type, pattern, streams, webhookUrl, wakeStream, leaseMs, description } = config;
  const values = [type, pattern, streams, webhookUrl, wakeStream, leaseMs, description];
  return createHash("sha256").update(JSON.stringify(values.map((value) => value ?? null)))
    .digest("hex");
}
