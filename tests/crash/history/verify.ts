import { type Bytes, concatBytes } from "../../../src/protocol/bytes.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import type { StreamInfo } from "../../../src/storage/storage.ts";
import { checkContent, checkInfo, resolveUnknown } from "./content.ts";
import { checkCounts } from "./counts.ts";
import { checkListing } from "./listing.ts";
import { between, type ModelStream } from "./model.ts";
import { makePayload } from "./payload.ts";
import { settleSnapshot } from "./snapshots.ts";
import { checkForeignOffsets } from "./offsets.ts";
import type { Session } from "./session.ts";
import { expect } from "./violation.ts";

/** What a look at a name found. */
type Found = { status: "there"; info: StreamInfo } | { status: "not_found" | "gone" };

/** Looks at a name, and checks that what is there may be there. */
export async function checkName(session: Session, name: string): Promise<Found> {
  const { world } = session;
  const before = world.statuses(name);
  const stream = world.stream(name);
  const wasClosed = stream?.closed ?? false;
  const wasThere = stream?.lifecycle === "there" || stream?.lifecycle === "deleting";
  const found = await look(session, name);
  const allowed = between(before, world.statuses(name));
  expect(
    allowed.has(found.status),
    `${name} is ${found.status}, and should be ${[...allowed].join(" or ")} (it is ` +
      `${stream?.lifecycle}, alive until ${stream?.aliveUntilMs}, over from ${stream?.overFromMs}, ` +
      `now ${world.nowMs})`,
  );
  if (stream === undefined || stream !== world.stream(name)) return found;
  if (found.status === "there") {
    const owner = ownerOf(session, stream, found.info);
    if (owner.lifecycle === "creating") owner.lifecycle = "there";
    checkInfo(owner, found.info, wasClosed && owner === stream);
    world.checkSpaces(owner, found.info);
    world.checkId(owner);
  } else {
    if (wasThere) stream.end();
    stream.before?.end();
  }
  return found;
}

/** One whose time was over comes back where nobody's noticing that was stored. */
function ownerOf(session: Session, stream: ModelStream, info: StreamInfo): ModelStream {
  const { before } = stream;
  if (stream.lifecycle !== "creating" || before?.lifecycle !== "there") return stream;
  if (before.id !== info.id) {
    before.end();
    return stream;
  }
  session.world.takeBack(stream);
  return before;
}

/** Reads a stream from its start to its end, and checks what it holds. */
export async function checkStream(session: Session, stream: ModelStream): Promise<void> {
  const { world } = session;
  const stored = new Set(stream.ops.filter(({ outcome }) => outcome === "stored"));
  const startedMs = world.nowMs;
  stream.maybeUsed(startedMs);
  const read = await readAll(session, stream);
  if (read === undefined) return;
  stream.used(startedMs, world.nowMs);
  checkContent(stream, read.bytes, stored);
  await checkCounts(session, stream, read.bytes, read.messages);
}

/**
 * Looks at everything after a start, and takes what is found for what is so from then on: what was under
 * way when the process ended has happened or not.
 */
export async function checkAll(session: Session): Promise<void> {
  const { world } = session;
  for (const name of world.names) {
    const isCreating = world.stream(name)?.lifecycle === "creating";
    const found = await checkName(session, name);
    const stream = world.stream(name);
    if (stream === undefined) continue;
    stream.exclusive = stream.appending = stream.forking = 0;
    if (found.status !== "there") {
      if (isCreating) world.takeBack(stream);
      continue;
    }
    stream.lifecycle = "there";
    await checkStream(session, stream);
    if (stream.lifecycle !== "there") continue;
    resolveUnknown(stream);
    await settleSnapshot(session, stream);
    if (stream.lifecycle !== "there") continue;
    if (world.isFragile) stream.realign();
    await checkProducers(session, stream);
    if (world.extra.chance(0.05)) await checkForeignOffsets(session, stream);
  }
  world.isFragile = false;
  // Now that it is known which forks are there: who is kept by them?
  for (const name of world.names) await checkName(session, name);
  await checkListing(session);
}

/** A batch far ahead is refused, and the error tells what is known of the producer. */
async function checkProducers(session: Session, stream: ModelStream): Promise<void> {
  const positions = stream.producerStates();
  for (const id of stream.producers.keys()) {
    const known = positions.get(id);
    const epoch = known?.epoch ?? 0;
    const seq = (known?.seq ?? 0) + 1000;
    const failure = await failureOf(session, stream, { producer: { id, epoch, seq } });
    if (failure === undefined) continue;
    const at = `stream ${stream.name}, producer ${id}`;
    if (failure.code === "stream_closed") {
      const found = failure.producer;
      expect(
        found?.epoch === known?.epoch && found?.seq === known?.seq,
        `${at}: is at ${JSON.stringify(known)}, not ${JSON.stringify(found)}`,
      );
    } else {
      const expected = known === undefined ? 0 : known.seq + 1;
      expect(
        failure.code === "sequence_gap" && failure.expected === expected,
        `${at}: the next is ${expected}, and the answer was ${JSON.stringify(failure)}`,
      );
    }
  }
  if (stream.seq === undefined) return;
  const failure = await failureOf(session, stream, { seq: stream.seq });
  if (failure === undefined) return;
  const expected = stream.closed ? "stream_closed" : "sequence_regression";
  expect(failure.code === expected, `${stream.name}: Stream-Seq is remembered (${failure.code})`);
}

async function failureOf(
  session: Session,
  stream: ModelStream,
  request: { producer?: { id: string; epoch: number; seq: number }; seq?: string },
): Promise<StreamError["failure"] | undefined> {
  const { body } = makePayload(stream.json, session.world.nextOpId(), 5, 1);
  const { contentType, name } = stream;
  try {
    await session.answer(session.storage.append(name, { contentType, body, ...request }));
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    const hasEnded = error.code === "not_found" || error.code === "gone";
    if (hasEnded && stream.statuses(session.world.nowMs).has(error.code)) {
      stream.end();
      return undefined;
    }
    if (error.code === "storage_failed" && session.isFaulty) return undefined;
    return error.failure;
  }
  expect(false, `${name}: ${JSON.stringify(request)} is known and was taken for new`);
  return undefined;
}

async function look(session: Session, name: string): Promise<Found> {
  try {
    return { status: "there", info: await session.answer(session.storage.head(name)) };
  } catch (error) {
    const code = error instanceof StreamError ? error.code : undefined;
    if (code === "not_found" || code === "gone") return { status: code };
    throw error;
  }
}

/** All of it up to its tail, and how many messages it said that these are. */
async function readAll(
  session: Session,
  stream: ModelStream,
): Promise<{ bytes: Bytes; messages: number | undefined } | undefined> {
  const { world, storage } = session;
  const parts: Bytes[] = [];
  const wasClosed = stream.closed;
  let tail = Infinity;
  let messages: number | undefined;
  for (let at = 0; at < tail;) {
    const limit = world.random.pick([4096, 10_000, 1_000_000]);
    let read;
    try {
      const { space } = stream.ownerAt(at);
      const from = space !== undefined && world.extra.chance(0.5) ? { space, position: at } : at;
      read = await session.answer(storage.read(stream.name, from, limit));
    } catch (error) {
      const code = error instanceof StreamError ? error.code : undefined;
      const hasEnded = code === "not_found" || code === "gone";
      if (!hasEnded || !stream.statuses(world.nowMs).has(code)) throw error;
      if (stream.lifecycle === "there") stream.end();
      return undefined;
    }
    if (tail === Infinity) {
      tail = read.tail;
      messages = read.messages;
      checkInfo(stream, read, wasClosed);
      world.checkSpaces(stream, read);
    }
    expect(
      read.start === at && read.next === at + read.data.length,
      "a read goes on at its offset",
    );
    expect(read.next > at || at === tail, "a read moves on");
    parts.push(read.data);
    at = read.next;
    if (read.data.length === 0) break;
  }
  const bytes = concatBytes(parts);
  return { bytes: bytes.subarray(0, Math.min(bytes.length, tail)), messages };
}
