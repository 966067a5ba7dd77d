import { StreamError } from "../../../src/protocol/errors.ts";
import type { StreamOffset } from "../../../src/protocol/offset.ts";
import { between, type ModelStream } from "./model.ts";
import { makePayload } from "./payload.ts";
import { isShortageCode, type Session } from "./session.ts";
import { expect } from "./violation.ts";

const LIMIT_BYTES = 4096;
/** No stream ever gets this name. */
const NOBODY = "nobody";

/**
 * Offsets of a stream that was there before, or of any other, are none of this one: no read begins at
 * them, no append is let in by them and no fork branches off there.
 */
export async function checkForeignOffsets(session: Session, stream: ModelStream): Promise<void> {
  const { world, storage } = session;
  const { extra } = world;
  const position = extra.pick([0, stream.tail, extra.below(5000)]);
  const own = stream.ownerAt(position).space;
  // Those of the name's own earlier streams come first.
  const spaces = [...earlierSpaces(stream), ...world.spaces()].filter((space) => space !== own);
  if (own === undefined || spaces.length === 0) return;
  const space = extra.pick(extra.chance(0.5) ? spaces.slice(0, 1) : spaces);
  const offset: StreamOffset = { space, position };
  world.kinds.add("an offset of another stream");
  world.note(`${stream.name}: offset ${JSON.stringify(offset)} is none of ${own}`);
  const { name } = stream;
  stream.maybeUsed(world.nowMs);
  await checkRefused(session, stream, storage.read(name, offset, LIMIT_BYTES), "offset_gone");
  const { body } = makePayload(stream.json, world.nextOpId(), 5, 1);
  const request = { contentType: stream.contentType, body, expectedTail: offset };
  await checkRefused(session, stream, storage.append(name, request), "offset_mismatch");
  const fork = storage.create(NOBODY, { fork: { source: name, offset } });
  await checkRefused(session, stream, fork, "offset_gone");
}

function earlierSpaces(stream: ModelStream): number[] {
  const spaces: number[] = [];
  for (let at = stream.before; at !== undefined; at = at.before) {
    if (at.space !== undefined) spaces.push(at.space);
  }
  return spaces;
}

async function checkRefused(
  session: Session,
  stream: ModelStream,
  call: Promise<unknown>,
  expected: string,
): Promise<void> {
  const { world } = session;
  const before = world.statuses(stream.name);
  let code = "done";
  try {
    await session.answer(call);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    if (session.isFaulty && (isShortageCode(error.code) || error.code === "storage_failed")) return;
    code = error.code;
  }
  stream.maybeUsed(world.nowMs);
  const isClosed = stream.closed || stream.closing !== undefined;
  if (code === "stream_closed" && expected === "offset_mismatch" && isClosed) return;
  const allowed: ReadonlySet<string> = between(before, world.statuses(stream.name));
  const isGone = code === "source_deleted" ? allowed.has("gone") : code !== "there" &&
    allowed.has(code);
  expect(code === expected || isGone, `${stream.name}: a foreign offset is answered by ${code}`);
}
