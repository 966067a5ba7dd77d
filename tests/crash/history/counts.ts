import type { Bytes } from "../../../src/protocol/bytes.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import { messageEnds } from "../../../src/protocol/json.ts";
import type { ModelOp, ModelStream } from "./model.ts";
import type { Session } from "./session.ts";
import { expect } from "./violation.ts";

const LIMIT_BYTES = 4096;

/**
 * Checks how many messages a stream says it has against what was read of it, and where the last ones of
 * them begin. Of a fork of a byte stream nobody knows what its source's last block counts for.
 *
 * @param messages what the stream said as the first of `bytes` was read
 */
export async function checkCounts(
  session: Session,
  stream: ModelStream,
  bytes: Bytes,
  messages: number | undefined,
): Promise<void> {
  const starts = messageStarts(stream, bytes);
  if (starts === undefined) return;
  const at = `stream ${stream.name}`;
  expect(
    messages === starts.length,
    `${at}: it has ${starts.length} messages up to ${bytes.length}, and says ${messages}`,
  );
  const { extra } = session.world;
  if (starts.length === 0 || !extra.chance(0.3)) return;
  const count = extra.pick([1, starts.length, 1 + extra.below(starts.length)]);
  const found = await readLast(session, stream, count);
  if (found === undefined || found.tail !== bytes.length) return;
  const first = starts[starts.length - count] ?? 0;
  const isRight = stream.json
    ? found.start === first
    : found.start <= first && first - found.start < LIMIT_BYTES && starts.includes(found.start);
  expect(isRight, `${at}: its last ${count} messages begin at ${first}, and not at ${found.start}`);
}

function messageStarts(stream: ModelStream, bytes: Bytes): number[] | undefined {
  if (stream.json) return [0, ...messageEnds(bytes)].slice(0, -1);
  if (stream.fork !== undefined) return undefined;
  const isHere = ({ outcome, payload, start }: ModelOp) =>
    outcome === "stored" && payload.stored.length > 0 && start !== undefined &&
    start < bytes.length;
  return stream.ops.filter(isHere).map(({ start }) => start ?? 0).sort((a, b) => a - b);
}

/** `undefined` where the stream is gone by now, or can't be read. */
async function readLast(
  session: Session,
  { name }: ModelStream,
  lastMessages: number,
): Promise<{ start: number; tail: number } | undefined> {
  try {
    return await session.answer(session.storage.read(name, { lastMessages }, LIMIT_BYTES));
  } catch (error) {
    if (error instanceof StreamError) return undefined;
    throw error;
  }
}
