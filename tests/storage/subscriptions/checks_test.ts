import { doesNotThrow, equal, ok, throws } from "node:assert/strict";
import { StreamError } from "../../../src/protocol/errors.ts";
import { NEW_SUBSCRIPTION } from "../../../src/storage/subscription.ts";
import type { Fence } from "../../../src/storage/subscription_store.ts";
import {
  checkConfig,
  checkFence,
  checkLinkCount,
} from "../../../src/storage/subscriptions/checks.ts";
import { SubscriptionEntry } from "../../../src/storage/subscriptions/subscription_entry.ts";
import { AT_MS, configOf } from "./registry_kit.ts";

function entryIn(phase: "idle" | "delivering" | "waiting" | "leased"): SubscriptionEntry {
  const row = {
    id: 5,
    name: "s",
    lsn: 1,
    createdAtMs: AT_MS,
    config: configOf(),
    hash: "h",
    baseUrl: "",
    links: [],
    state: { ...NEW_SUBSCRIPTION, phase, generation: 7, wakeId: "w7" },
    wakeStreams: [],
    cursorCount: 0,
  };
  return new SubscriptionEntry(row, undefined, 0);
}

const TOKEN = { subscriptionId: 5, generation: 7, wakeId: "w7" };
const FENCE: Fence = { token: TOKEN, generation: 7, wakeId: "w7" };

/** The code that it is refused with. */
function codeOf(call: () => void): string | undefined {
  let code: string | undefined;
  throws(call, (error) => {
    ok(error instanceof StreamError);
    code = error.code;
    return true;
  });
  return code;
}

Deno.test("checks: a fence passes where token and request both name the present wake, and it is not over", () => {
  for (const phase of ["delivering", "waiting", "leased"] as const) {
    doesNotThrow(() => checkFence(entryIn(phase), FENCE));
  }
  equal(codeOf(() => checkFence(entryIn("idle"), FENCE)), "fenced");
});

Deno.test("checks: each of the four parts of a fence is compared by itself", () => {
  const wrong: readonly Fence[] = [
    { ...FENCE, token: { ...TOKEN, generation: 6 } },
    { ...FENCE, token: { ...TOKEN, generation: 8 } },
    { ...FENCE, token: { ...TOKEN, wakeId: "w6" } },
    { ...FENCE, generation: 6 },
    { ...FENCE, generation: 8 },
    { ...FENCE, wakeId: "w6" },
  ];
  for (const fence of wrong) equal(codeOf(() => checkFence(entryIn("leased"), fence)), "fenced");
  const foreign = { ...FENCE, token: { ...TOKEN, subscriptionId: 6 } };
  equal(codeOf(() => checkFence(entryIn("leased"), foreign)), "token_invalid");
});

Deno.test("checks: a configuration that couldn't be read again is refused", () => {
  doesNotThrow(() => checkConfig(configOf()));
  equal(codeOf(() => checkConfig(configOf({ pattern: "a*" }))), "invalid_subscription");
  equal(codeOf(() => checkConfig(configOf({ webhookUrl: "hook" }))), "webhook_url_rejected");
});

Deno.test("checks: 10,000 explicit links, and no more", () => {
  doesNotThrow(() => checkLinkCount(10_000));
  equal(codeOf(() => checkLinkCount(10_001)), "invalid_subscription");
});
