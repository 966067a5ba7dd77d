import { decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import type { SnapshotStore } from "../../../src/storage/snapshot_store.ts";
import { type ModelStream, NO_SNAPSHOT } from "./model.ts";
import { isShortageCode, type Session } from "./session.ts";
import { expect, Violation } from "./violation.ts";

/** Longer than a part of a body that is written at once. */
const LONG_CHARS = 300_000;

function storeOf({ storage }: Session): SnapshotStore {
  if (storage.snapshots === undefined) throw new Violation("The storage has no snapshots");
  return storage.snapshots;
}

/** Keeps a snapshot of a stream as far as that is known, or lets go of the one that it has. */
export function keepSnapshot(session: Session, stream: ModelStream): void {
  const { world } = session;
  const { snapshots } = world;
  const { space } = stream;
  // One at a time, so that it is known which of them is the newest.
  if (stream.isKeeping || space === undefined || stream.lifecycle !== "there") return;
  const isGoing = snapshots.chance(0.15);
  const { bytes, ends } = stream.known();
  const own = ends.filter((end) => end > stream.ownStart);
  const position = own.length === 0 ? bytes.length : own[snapshots.below(own.length)] ?? 0;
  if (position <= stream.ownStart) return;
  const length = snapshots.chance(0.05) ? LONG_CHARS : snapshots.below(500);
  const text = isGoing ? NO_SNAPSHOT : `${world.nextOpId()}@${position} `.padEnd(length, "s");
  const { name } = stream;
  const startedMs = world.nowMs;
  stream.isKeeping = true;
  stream.maybeSnapshots.add(text);
  stream.maybeUsed(startedMs);
  const store = storeOf(session);
  const answer: Promise<unknown> = isGoing ? store.delete(name) : store.put(name, {
    offset: { space, position },
    contentType: "text/plain",
    body: encodeUtf8(text),
  });
  session.ask(answer, {
    done: () => {
      stream.isKeeping = false;
      stream.knowSnapshot(text);
      stream.used(startedMs, world.nowMs);
    },
    refused: ({ code, message }) => {
      stream.isKeeping = false;
      stream.maybeSnapshots.delete(text);
      if (isShortageCode(code)) return;
      if (code === "snapshot_regression" && !isGoing) return;
      if (code === "snapshot_not_found" && isGoing && stream.mayHave(NO_SNAPSHOT)) {
        return stream.knowSnapshot(NO_SNAPSHOT);
      }
      // A delete is of whatever stream has the name.
      const hasEnded = code === "not_found" || code === "gone" || code === "offset_gone" ||
        code === "snapshot_not_found";
      const statuses = stream.statuses(world.nowMs);
      const isThere = statuses.size === 1 && statuses.has("there") &&
        stream.lifecycle === "there" && stream === world.stream(name);
      expect(hasEnded && !isThere, `${name}: no snapshot can be kept: ${message}`);
    },
    unknown: () => stream.isKeeping = false,
  });
}

/** Looks at a stream's snapshot: it is the last that was kept, or one of which nobody knows. */
export async function checkSnapshot(session: Session, stream: ModelStream): Promise<void> {
  const { world } = session;
  const { name } = stream;
  const before = new Set(stream.possibleSnapshots());
  stream.maybeUsed(world.nowMs);
  let found = NO_SNAPSHOT;
  let position = 0;
  try {
    const read = await session.answer(storeOf(session).get(name));
    found = decodeUtf8(read.body);
    position = read.position;
  } catch (error) {
    const code = error instanceof StreamError ? error.code : undefined;
    const hasEnded = code === "not_found" || code === "gone";
    if (hasEnded && (stream !== world.stream(name) || stream.statuses(world.nowMs).has(code))) {
      return;
    }
    if (code !== "snapshot_not_found") throw error;
  }
  if (stream !== world.stream(name) || stream.lifecycle !== "there") return;
  const allowed = new Set([...before, ...stream.possibleSnapshots()]);
  const short = (text: string) => text === NO_SNAPSHOT ? "none" : text.trimEnd().slice(0, 40);
  expect(
    allowed.has(found),
    `${name}: the snapshot is ${short(found)}, and should be ` +
      [...allowed].map(short).join(" or "),
  );
  if (found === NO_SNAPSHOT) return;
  expect(found.includes(`@${position} `), `${name}: ${short(found)} is of ${position}`);
  const { tail } = await session.answer(session.storage.head(name));
  const isSame = stream === world.stream(name) && stream.lifecycle === "there";
  expect(!isSame || position <= tail, `${name}: its snapshot is of ${position}, its tail ${tail}`);
}

/** After a start: what is found is what is so from then on. */
export async function settleSnapshot(session: Session, stream: ModelStream): Promise<void> {
  stream.isKeeping = false;
  await checkSnapshot(session, stream);
  try {
    const { body } = await session.answer(storeOf(session).get(stream.name));
    stream.knowSnapshot(decodeUtf8(body));
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    if (error.code === "snapshot_not_found") stream.knowSnapshot(NO_SNAPSHOT);
  }
}
