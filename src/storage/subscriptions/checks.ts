import type { Clock } from "../../env/clock.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { positionOf } from "../../protocol/offset.ts";
import { isOfAnother, type OffsetSpaces } from "../offset_spaces.ts";
import type { Ack } from "../records.ts";
import type { Streams } from "../streams.ts";
import type { SubscriptionConfig, WakeStream } from "../subscription.ts";
import type { Fence, RequestedAck } from "../subscription_store.ts";
import { parsePattern } from "../../protocol/name_pattern.ts";
import type { SubscriptionRegistry } from "./registry.ts";
import type { SubscriptionEntry } from "./subscription_entry.ts";

/** How many streams one subscription may link explicitly. */
export const LINKS_LIMIT = 10_000;

/**
 * Whether a subscription may be so: what is recorded has to be readable at every start.
 *
 * @throws {StreamError} `invalid_subscription`, `webhook_url_rejected`
 */
export function checkConfig({ pattern, webhookUrl }: SubscriptionConfig): void {
  if (pattern !== undefined) parsePattern(pattern);
  if (webhookUrl === undefined || URL.canParse(webhookUrl)) return;
  throw new StreamError(
    { code: "webhook_url_rejected" },
    `The webhook URL ${quote(webhookUrl)} isn't an absolute URL.`,
  );
}

/** @throws {StreamError} `invalid_subscription` */
export function checkLinkCount(count: number): void {
  if (count <= LINKS_LIMIT) return;
  throw new StreamError(
    { code: "invalid_subscription", field: "streams" },
    `A subscription links at most ${LINKS_LIMIT} streams explicitly, and these make it ${count}: ` +
      "use a pattern.",
  );
}

/**
 * Whether a worker may take the lease now.
 *
 * @param streams what is pending
 * @throws {StreamError} `already_claimed`, `no_pending_work`, or `invalid_subscription` for a webhook's
 */
export function checkClaimable(
  { name, config, state }: SubscriptionEntry,
  streams: readonly WakeStream[],
): void {
  if (config.type === "webhook") {
    throw new StreamError(
      { code: "invalid_subscription", field: "type" },
      `The subscription ${quote(name)} is delivered by webhook: only a pull-wake one is claimed.`,
    );
  }
  if (state.phase === "leased") {
    throw new StreamError(
      { code: "already_claimed", holder: state.holder, generation: state.generation },
      `The worker ${quote(state.holder)} has the lease until ${
        new Date(state.dueMs).toISOString()
      }.`,
    );
  }
  if (streams.length === 0) {
    throw new StreamError(
      { code: "no_pending_work" },
      `Nothing is pending in the subscription ${quote(name)}.`,
    );
  }
}

/**
 * Whether a worker has the present wake (PROTOCOL §7.3).
 *
 * @throws {StreamError} `token_invalid` for another subscription's token, `fenced`
 */
export function checkFence({ id, state }: SubscriptionEntry, fence: Fence): void {
  const { token } = fence;
  if (token.subscriptionId !== id) {
    throw new StreamError({ code: "token_invalid" }, "The token is another subscription's.");
  }
  const isPresent = state.phase !== "idle" &&
    [token.generation, fence.generation].every((generation) => generation === state.generation) &&
    [token.wakeId, fence.wakeId].every((wakeId) => wakeId === state.wakeId);
  if (isPresent) return;
  throw new StreamError(
    { code: "fenced" },
    `The wake ${
      quote(fence.wakeId)
    } of generation ${fence.generation} is over: it was finished or ` +
      "released, or its lease ran out.",
  );
}

/** What {@link checkAcks} looks at. */
export interface AckCheckParts {
  readonly clock: Clock;
  readonly registry: SubscriptionRegistry;
  readonly streams: Streams;
  readonly spaces: OffsetSpaces;
}

/**
 * The acks that a worker asks for, but for those of streams that are gone, or followed no more, since it
 * was woken: there is nothing left to process in these.
 *
 * @throws {StreamError} `invalid_ack`
 */
export function checkAcks(
  entry: SubscriptionEntry,
  requested: readonly RequestedAck[],
  parts: AckCheckParts,
): Ack[] {
  const woken = new Map(entry.wakeStreams.map(({ path, streamId }) => [path, streamId]));
  return requested.flatMap((ack) => checkAck(entry, ack, woken.get(ack.path), parts) ?? []);
}

function checkAck(
  entry: SubscriptionEntry,
  { path, offset, token }: RequestedAck,
  wokenId: number | undefined,
  { clock, registry, streams, spaces }: AckCheckParts,
): Ack | undefined {
  const found = streams.find(path);
  const isThere = found?.isThere(clock.nowMs()) === true;
  if (wokenId !== undefined && (!isThere || found.id !== wokenId)) return undefined;
  if (!isThere) throw invalidAck(path, token, "there is no such stream");
  if (!registry.followers(found).includes(entry)) {
    if (wokenId !== undefined) return undefined;
    throw invalidAck(path, token, "the subscription doesn't follow that stream");
  }
  if (isOfAnother(offset, spaces.of(found))) {
    throw invalidAck(path, token, "the offset is another stream's");
  }
  const position = positionOf(offset);
  if (position > found.tail) throw invalidAck(path, token, "it is past the stream's tail");
  if (position < (entry.cursors.get(found.id) ?? found.tail)) {
    throw invalidAck(path, token, "more than that is processed already");
  }
  return { streamId: found.id, position, isTail: position === found.tail };
}

function invalidAck(path: string, token: string, why: string): StreamError {
  return new StreamError(
    { code: "invalid_ack", path },
    `The offset ${quote(token)} of ${quote(path)} can't be acknowledged: ${why}.`,
  );
}
