import { type Bytes, encodeUtf8 } from "../protocol/bytes.ts";
import type { WakeStream } from "../storage/subscription.ts";
import type { SubscriptionInfo, Wake } from "../storage/subscription_store.ts";

/** A stream of a wake as JSON has it (PROTOCOL §7.1, §7.2). */
export interface WakeStreamJson {
  readonly path: string;
  readonly link_type: "explicit" | "glob";
  readonly acked_offset: string;
  readonly tail_offset: string;
  readonly has_pending: true;
}

/** The streams of a wake as JSON has them. */
export function wakeStreamsJson(streams: readonly WakeStream[]): WakeStreamJson[] {
  return streams.map(({ path, isExplicit, ackedOffset, tailOffset }) => ({
    path,
    link_type: linkType(isExplicit),
    acked_offset: ackedOffset,
    tail_offset: tailOffset,
    has_pending: true,
  }));
}

/** The `link_type` of a link (PROTOCOL §6.1). */
export function linkType(isExplicit: boolean): "explicit" | "glob" {
  return isExplicit ? "explicit" : "glob";
}

/** The body of a webhook's request: the same bytes for each attempt of a wake (PROTOCOL §7.1). */
export function encodeWakeBody({ subscription, streams }: Wake, callbackToken: string): Bytes {
  const { name, state } = subscription;
  return encodeUtf8(JSON.stringify({
    subscription_id: name,
    wake_id: state.wakeId,
    generation: state.generation,
    streams: wakeStreamsJson(streams),
    callback_url: `${controlUrl(subscription)}/callback`,
    callback_token: callbackToken,
  }));
}

/** The URL of a subscription as its clients know it. */
function controlUrl({ baseUrl, name }: SubscriptionInfo): string {
  return `${baseUrl}/__ds/subscriptions/${encodeURIComponent(name)}`;
}
