import type {
  ListedSubscription,
  SubscriptionInfo,
} from "../../../client/subscriptions/options.ts";
import { formatDuration } from "../../flags/units.ts";

/** A subscription as `--json` prints it. */
export function subscriptionObject({ streams, ...info }: SubscriptionInfo) {
  return { ...listedObject(info), streams };
}

/** A subscription of a listing as `--json` prints it. */
export function listedObject({ createdAt, ...info }: ListedSubscription) {
  return { ...info, createdAt: createdAt.toISOString() };
}

/** Labels and values, as `show` prints them; a line for each stream. */
export function* linesOf(
  info: SubscriptionInfo,
): Iterable<readonly [label: string, value: string]> {
  yield ["type", info.type];
  yield ["status", info.status];
  if (info.pattern !== undefined) yield ["pattern", info.pattern];
  if (info.webhookUrl !== undefined) yield ["webhook", info.webhookUrl];
  if (info.jwksUrl !== undefined) yield ["keys", info.jwksUrl];
  if (info.wakeStream !== undefined) yield ["wake-stream", info.wakeStream];
  yield ["lease", formatDuration(info.leaseMs)];
  yield ["created-at", info.createdAt.toISOString()];
  if (info.description !== undefined) yield ["description", info.description];
  for (const { path, linkType, ackedOffset } of info.streams) {
    yield ["stream", `${ackedOffset}  ${linkType.padEnd(8)}  ${path}`];
  }
}
