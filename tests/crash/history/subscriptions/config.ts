import type { SubscriptionConfig } from "../../../../src/storage/subscription.ts";
import type { Random } from "../../../support/random.ts";

/** The names that subscriptions have in histories. */
export const SUBSCRIPTION_NAMES = ["s", "t/ü", "u"];
/** Where wakes are written. */
export const WAKE_STREAMS = ["wakes/a", "wakes/b"];
/** The beginning of the clients' URLs. */
export const BASE_URL = "http://127.0.0.1:4437/v1/stream";

const PATTERNS = ["*", "*", "**", "**", "b/*", "b/**", "many/*", "a", "**/c"];

/** What a subscription is to be. */
export function chooseConfig(random: Random, names: readonly string[]): SubscriptionConfig {
  const isWebhook = random.chance(0.5);
  const pattern = random.chance(0.7) ? random.pick(PATTERNS) : undefined;
  const count = pattern === undefined ? random.between(1, 3) : random.below(2);
  return {
    type: isWebhook ? "webhook" : "pull-wake",
    pattern,
    streams: chooseNames(random, names, count),
    webhookUrl: isWebhook ? "https://hooks.example/wake" : undefined,
    wakeStream: isWebhook ? undefined : random.pick(WAKE_STREAMS),
    leaseMs: random.pick([1000, 5000, 30_000]),
    description: random.chance(0.3) ? "a description, ü" : undefined,
  };
}

/** Some names, sorted, each once. */
export function chooseNames(random: Random, names: readonly string[], count: number): string[] {
  return [...new Set(Array.from({ length: count }, () => random.pick(names)))].sort();
}
