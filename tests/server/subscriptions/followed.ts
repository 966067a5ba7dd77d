import { SubscriptionFixture } from "../../support/subscription_fixture.ts";

/** One with a stream `events/a` that has three bytes, all of them processed, and a pool. */
export async function pooled(lease_ttl_ms = 30_000): Promise<SubscriptionFixture> {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  await served.pool("p", { pattern: "events/*", lease_ttl_ms });
  return served;
}

/** One with a stream `events/a` that has three bytes, all of them processed, and a webhook to it. */
export async function followed(lease_ttl_ms = 30_000): Promise<SubscriptionFixture> {
  const served = new SubscriptionFixture();
  await served.stream("events/a", "abc");
  await served.subscribe("s", { pattern: "events/*", lease_ttl_ms });
  return served;
}

/** Acks of that stream. */
export function ackOf(served: SubscriptionFixture, position: number) {
  return [{ stream: "events/a", offset: served.offset(position) }];
}
