import type { Bytes } from "../protocol/bytes.ts";
import type { SubscriptionInfo } from "../storage/subscription_store.ts";
import { createToken, type TokenUse } from "./tokens.ts";

/** How long a token is good for where its wake is kept alive: a bound, since the lease ends it long before. */
const TOKEN_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;

/** The token of a subscription's present wake: the same for each attempt (PROTOCOL §7.1, §7.2). */
export function createWakeToken(
  secret: Bytes,
  { id, name, state }: SubscriptionInfo,
  use: TokenUse,
): string {
  return createToken(secret, {
    subscription: { id, name },
    generation: state.generation,
    wakeId: state.wakeId,
    use,
    expiresAtMs: state.wakeAtMs + TOKEN_LIFETIME_MS,
  });
}
