import { match } from "node:assert/strict";
import "../../page_globals.ts";
import type { ListedSubscription } from "../../../../src/page/api/subscriptions.ts";
import { hello } from "../../../../src/page/state/feed.ts";
import { SubscriptionFacts } from "../../../../src/page/views/subscriptions/subscription_facts.tsx";

const MINUTE_MS = 60_000;

/** All text of an element, as far as it isn't made by components of its own. */
function textOf(node: unknown): string {
  if (Array.isArray(node)) return node.map(textOf).join("");
  if (typeof node !== "object" || node === null) return String(node ?? "");
  const props: unknown = "props" in node ? node.props : undefined;
  if (typeof props !== "object" || props === null || !("children" in props)) return "";
  return textOf(props.children);
}

function failedAt(ms: number): ListedSubscription {
  return {
    id: "mailer",
    type: "webhook",
    pattern: "**",
    webhook: { url: "http://localhost/hook" },
    wake_stream: null,
    lease_ttl_ms: 30_000,
    created_at: "2030-01-01T00:00:00Z",
    status: "failed",
    description: null,
    last_failure: { at: new Date(ms).toISOString(), reason: "" },
  };
}

Deno.test("a failure's age is by the server's clock, however long ago it said hello", () => {
  const realNow = Date.now;
  const begin = realNow();
  // Its clock is an hour ahead.
  const serverBegin = begin + 60 * MINUTE_MS;
  Date.now = () => begin;
  try {
    hello.value = {
      version: "",
      runtime: "",
      uptimeMs: 0,
      storage: "memory",
      access: false,
      verbs: {},
      grants: null,
      listing: true,
      now: serverBegin,
    };
    Date.now = () => begin + 10 * MINUTE_MS;
    const failedMs = serverBegin + 7 * MINUTE_MS;
    match(textOf(SubscriptionFacts({ subscription: failedAt(failedMs) })), /\(3 min ago\)/);
    const now = failedAt(serverBegin + 10 * MINUTE_MS);
    match(textOf(SubscriptionFacts({ subscription: now })), /\(now\)/);
  } finally {
    Date.now = realNow;
    hello.value = undefined;
  }
});
