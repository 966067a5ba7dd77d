import { DatabaseSync } from "node:sqlite";
import { StreamError } from "../../src/protocol/errors.ts";
import type { Catalog } from "../../src/storage/file/catalog/catalog.ts";
import { SqliteLookups } from "../../src/storage/file/catalog/lookups.ts";
import { DirectoryError } from "../../src/storage/file/directory/damage.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import type { CatalogDriver } from "../../src/storage/file/options.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { storeOf } from "../support/subscription_kit.ts";
import { sqliteDriver } from "../../src/storage/file/sqlite_driver.ts";

/** What a directory answers to everything that is asked of it, by question. */
export type Answers = Map<string, string>;

/** How an answer begins that refuses because of damage. */
export const DAMAGED = "damaged: ";
/** The question that a directory answers which can't be opened at all. */
export const OPEN = "open";

const NAMES = ["json", "text", "short", "fork", "ended", "gone", "never"];
const SUBSCRIPTIONS = ["all", "one", "later"];
/** Streams of the subscriptions, in each of which something is pending. */
const FOLLOWED = ["text", "short", "fork"];
const GONE = "refused: not_found";
const NOW_MS = Date.UTC(2026, 0, 1);

/**
 * Opens a copy of a directory and asks all there is to ask. Damage that is said to be damage is an
 * answer; any other failure isn't.
 */
export async function answersOf(dir: string): Promise<Answers> {
  const answers: Answers = new Map();
  let storage: Storage;
  const isRead = Promise.withResolvers<void>();
  try {
    storage = await openFileStorage({
      dir,
      walBytes: 64 * 1024,
      mustExist: true,
      clock: new ManualClock(NOW_MS),
      database: readOnlyDriver(isRead.promise),
    });
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    return answers.set(OPEN, `${DAMAGED}${error.code}`);
  }
  try {
    const ask = async (question: string, answer: () => Promise<string>) =>
      answers.set(question, await answer().catch(failureOf));
    await ask("list", async () => JSON.stringify(await storage.list({ limit: 100 })));
    for (const name of NAMES) {
      await ask(`head ${name}`, async () => JSON.stringify(await storage.head(name)));
      await ask(`read ${name}`, () => readAll(storage, name, 1_000_000));
      await ask(`read ${name} in blocks`, () => readAll(storage, name, 4096));
      await ask(`since ${name}`, () => readSince(storage, name));
    }
    for (const name of SUBSCRIPTIONS) {
      await ask(`subscription ${name}`, () => describeSubscription(storage, name));
      await ask(`pending in ${name}`, () => countPending(storage, name));
      const acked = ackedIn(storage, name);
      for (const stream of FOLLOWED) {
        await ask(`${name} in ${stream}`, async () => (await acked).get(stream) ?? GONE);
      }
    }
    // Last: one that isn't a duplicate changes what there is, and may have to wait for a checkpoint.
    isRead.resolve();
    for (const seq of [3, 4]) {
      await ask(`producer ${seq}`, async () => JSON.stringify(await sendAgain(storage, seq)));
    }
  } finally {
    isRead.resolve();
    await storage.close().catch(failureOf);
  }
  return answers;
}

/**
 * The catalogue's own look-ups and no thread for changes: nothing here is to be stored. A checkpoint that
 * ended all the same would forget what the log adds to the rows, and so none does until all is read.
 */
function readOnlyDriver(isRead: Promise<void>): CatalogDriver {
  return {
    ...sqliteDriver,
    lock: () => ({ release: () => {} }),
    create: () => {},
    convert: () => Promise.resolve(),
    isUsed: () => true,
    open(path) {
      const lookups = openLookups(path);
      const state = lookups.readState();
      const close = () => Promise.resolve(lookups.closeLookups());
      const storeState = () => Promise.resolve();
      return bind(lookups, { state, store: () => isRead, storeState, close });
    },
  };
}

function openLookups(path: string): SqliteLookups {
  try {
    const database = new DatabaseSync(path);
    try {
      const lookups = new SqliteLookups(path, database);
      lookups.readState();
      return lookups;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw new DirectoryError("damaged", path, String(error));
  }
}

function bind(
  lookups: SqliteLookups,
  own: Pick<Catalog, "state" | "store" | "storeState" | "close">,
): Catalog {
  return {
    ...own,
    byName: (name) => lookups.byName(name),
    list: (range, limit) => lookups.list(range, limit),
    byId: (id) => lookups.byId(id),
    byIds: (ids) => lookups.byIds(ids),
    rowsAfter: (id, limit) => lookups.rowsAfter(id, limit),
    producers: (streamId) => lookups.producers(streamId),
    producer: (streamId, producerId) => lookups.producer(streamId, producerId),
    segmentAt: (streamId, offset) => lookups.segmentAt(streamId, offset),
    segments: (streamId) => lookups.segments(streamId),
    blocks: (streamId) => lookups.blocks(streamId),
    snapshot: (streamId) => lookups.snapshot(streamId),
    snapshots: (afterId, upToId) => lookups.snapshots(afterId, upToId),
    countForks: (sourceId) => lookups.countForks(sourceId),
    forkIds: (sourceId) => lookups.forkIds(sourceId),
    greatestId: () => lookups.greatestId(),
    newestLsnAfter: (position) => lookups.newestLsnAfter(position),
    rewrittenSegments: (afterId, upToId) => lookups.rewrittenSegments(afterId, upToId),
    dueForTrim: (nowMs, after, limit) => lookups.dueForTrim(nowMs, after, limit),
    expired: (nowMs, after, limit) => lookups.expired(nowMs, after, limit),
    subscriptions: (onDamage) => lookups.subscriptions(onDamage),
    cursors: (onDamage) => lookups.cursors(onDamage),
  };
}

/** What it is; where the start has met damage, the health says so. */
async function describeSubscription(storage: Storage, name: string): Promise<string> {
  if (storage.status().figures.damagedSubscriptions > 0) return `${DAMAGED}as in the health`;
  const { createdAtMs: _, pendingStreams: _pending, ...info } = await storeOf(storage).get(name);
  return JSON.stringify(info);
}

/** In how many streams something is pending; one whose row can't be read isn't among them, and the health says so. */
async function countPending(storage: Storage, name: string): Promise<string> {
  const { damagedStreams, damagedSubscriptions } = storage.status().figures;
  if (damagedStreams + damagedSubscriptions > 0) return `${DAMAGED}as in the health`;
  return `${(await storeOf(storage).get(name)).pendingStreams}`;
}

/** How far a subscription has come in its streams, by their names. */
async function ackedIn(storage: Storage, name: string): Promise<Map<string, string>> {
  if (storage.status().figures.damagedSubscriptions > 0) {
    return new Map(FOLLOWED.map((stream) => [stream, `${DAMAGED}as in the health`]));
  }
  const { links } = await storeOf(storage).links(name, undefined, 1000);
  // An explicit link of a stream that isn't found is at its start.
  const isThere = links.filter(({ ackedOffset }) => ackedOffset !== "-1");
  return new Map(isThere.map(({ path, ackedOffset }) => [path, ackedOffset]));
}

async function readAll(storage: Storage, name: string, limitBytes: number): Promise<string> {
  const decoder = new TextDecoder("latin1");
  let text = "";
  for (let offset = 0;;) {
    const { data, next, tail } = await storage.read(name, offset, limitBytes);
    text += decoder.decode(data);
    if (next >= tail) return text;
    if (next <= offset) throw new Error(`A read from ${offset} on ends at ${next}, before ${tail}`);
    offset = next;
  }
}

async function readSince(storage: Storage, name: string): Promise<string> {
  const { start, data } = await storage.read(name, { sinceMs: NOW_MS - 58_500 }, 4096);
  return `${start}: ${new TextDecoder("latin1").decode(data)}`;
}

function sendAgain(storage: Storage, seq: number) {
  return storage.append("text", {
    contentType: "text/plain",
    body: new TextEncoder().encode("again"),
    producer: { id: "writer", epoch: 1, seq },
  });
}

function failureOf(error: unknown): string {
  if (error instanceof StreamError) {
    return error.code === "damaged" ? DAMAGED : `refused: ${error.code}`;
  }
  throw error;
}
