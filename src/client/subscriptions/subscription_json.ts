import type { Bytes } from "../../protocol/bytes.ts";
import type { CallOptions } from "../transport/call_options.ts";
import type { Connection } from "../transport/connection.ts";
import { defined } from "../transport/defined.ts";
import { JsonFields } from "./json_fields.ts";
import type { ListedSubscription, SubscriptionInfo } from "./options.ts";
import { linkedStreamIn } from "./wake_stream.ts";

/** @throws {MalformedResponse} */
export function subscriptionIn(fields: JsonFields): SubscriptionInfo {
  return { ...listedIn(fields), streams: fields.objects("streams").map(linkedStreamIn) };
}

/** All subscriptions; each page is fetched when the one before is used up. */
export async function* listSubscriptions(
  connection: Connection,
  options: CallOptions,
): AsyncIterableIterator<ListedSubscription> {
  let after: string | undefined;
  do {
    const page = await connection.request({
      method: "GET",
      url: connection.urls.ofSubscriptions({ after }),
      signal: options.signal,
      repeatable: true,
    }, ({ body }) => pageIn(body));
    yield* page.subscriptions;
    after = page.next;
  } while (after !== undefined);
}

function pageIn(body: Bytes) {
  const fields = JsonFields.parse(body);
  return {
    subscriptions: fields.objects("subscriptions").map(listedIn),
    next: fields.optionalText("next"),
  };
}

function listedIn(fields: JsonFields): ListedSubscription {
  const webhook = fields.optionalObject("webhook");
  return {
    // Older servers have one of the two.
    id: fields.optionalText("id") ?? fields.text("subscription_id"),
    type: fields.text("type") === "webhook" ? "webhook" : "pull-wake",
    leaseMs: fields.integer("lease_ttl_ms"),
    createdAt: new Date(fields.text("created_at")),
    status: fields.text("status") === "failed" ? "failed" : "active",
    ...defined({
      pattern: fields.optionalText("pattern"),
      webhookUrl: webhook?.optionalText("url"),
      jwksUrl: webhook?.optionalObject("signing")?.optionalText("jwks_url"),
      wakeStream: fields.optionalText("wake_stream"),
      description: fields.optionalText("description"),
    }),
  };
}
