import type { WakeStream } from "../../../../src/storage/subscription.ts";
import type { Wake } from "../../../../src/storage/subscription_store.ts";
import type { Session } from "../session.ts";
import { expect } from "../violation.ts";
import type { World } from "../world.ts";
import type { ModelSubscription } from "./model.ts";
import { isSteady, pendingAllAlong, pendingNow, type PendingView } from "./pending.ts";

/**
 * Keeps a wake that was handed out, and checks what it tells.
 *
 * @param isNew whether it tells what was pending just now: one that is tried again tells what it told
 */
export function takeWake(
  session: Session,
  subscription: ModelSubscription,
  { subscription: info, streams }: Wake,
  before: PendingView,
  isNew: boolean,
): void {
  const { name, state, wakes } = subscription;
  expect(
    JSON.stringify(info.state) === JSON.stringify(state),
    `${name}: the wake says ${JSON.stringify(info.state)}, and it is ${JSON.stringify(state)}`,
  );
  const known = wakes.findLast(({ fence }) => fence.wakeId === state.wakeId);
  if (known !== undefined && !isNew) {
    const isSame = JSON.stringify(known.streams) === JSON.stringify(streams);
    expect(isSame, `${name}: a wake that is tried again tells the same`);
    return;
  }
  if (isNew) checkWakeStreams(session.world, subscription, streams, before);
  const { generation, wakeId } = state;
  const token = { subscriptionId: info.id, generation, wakeId };
  wakes.push({ fence: { token, generation, wakeId }, streams });
}

function checkWakeStreams(
  world: World,
  subscription: ModelSubscription,
  streams: readonly WakeStream[],
  before: PendingView,
): void {
  const { name } = subscription;
  const now = pendingNow(world, subscription);
  const paths = new Set(streams.map(({ path }) => path));
  for (const stream of pendingAllAlong(before, now)) {
    expect(paths.has(stream.name), `${name}: ${stream.name} is pending, and not in the wake`);
  }
  for (const { path, streamId, isExplicit, acked, tail } of streams) {
    if (!world.names.includes(path)) continue;
    const at = `${name}: ${path} in the wake`;
    expect(subscription.follows(path), `${at} isn't followed`);
    expect(isExplicit === subscription.links.has(path), `${at} is linked in another way`);
    expect(acked < tail, `${at} has nothing pending: ${acked} of ${tail}`);
    const was = before.streams.get(path);
    const stream = now.streams.get(path)?.stream;
    // Where it was the same all the time, this is about it.
    const isSame = stream === was?.stream && was?.isSteady === true;
    if (!isSame || stream === undefined || !isSteady(world, stream)) continue;
    stream.id ??= streamId;
    world.checkId(stream);
    expect(stream.id === streamId, `${at} is ${streamId}, and the stream ${stream.id}`);
    const { low, high } = subscription.ackedOf(stream);
    expect(low <= acked && acked <= high, `${at} is acked at ${acked}, not ${low} to ${high}`);
    expect(tail >= (before.certain.get(stream) ?? 0), `${at} ends at ${tail}`);
    subscription.acked.set(stream, { low: acked, high: acked });
  }
}
