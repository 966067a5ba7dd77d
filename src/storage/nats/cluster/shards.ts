import type { JetStream, StoredMessage } from "../jetstream.ts";
import {
  decodeIdentity,
  decodeShards,
  encodeIdentity,
  encodeShards,
} from "../format/meta_record.ts";
import type { NatsSettings } from "../options.ts";
import type { Publisher } from "./publisher.ts";
import { readRecord } from "./stored_messages.ts";
import type { Subjects } from "./subjects.ts";
import { toStreamError } from "./unreachable.ts";

/** Which storage it is, and among how many logs its streams are spread. */
export interface StorageLayout {
  readonly identity: string;
  readonly shards: number;
}

/**
 * Makes the logs of a storage, or finds them; more data logs where more are asked for than there are.
 * Streams stay where they are: their names' records say where.
 *
 * @throws {StreamError} `storage_unreachable`, `damaged`
 * @throws {JetStreamError} `unsuitable`
 */
export async function openLayout(
  settings: NatsSettings,
  subjects: Subjects,
  publisher: Publisher,
): Promise<StorageLayout> {
  const { jetStream, replicas } = settings;
  try {
    const small = { replicas, messagesPerSubject: 1, isWatched: false };
    await jetStream.ensureLog({ ...small, name: subjects.metaLog, subjects: [subjects.allMeta] });
    await jetStream.ensureLog({ ...small, name: subjects.namesLog, subjects: [subjects.allNames] });
    const ask = (subject: string) => jetStream.lastMessage(subjects.metaLog, subject);
    await jetStream.ensureLog({
      name: subjects.subscriptionsLog,
      subjects: [subjects.allSubscriptions],
      replicas,
      isWatched: false,
    });
    const identity = await once(
      publisher,
      { log: subjects.metaLog, subject: subjects.identity },
      ask,
      encodeIdentity(crypto.randomUUID().slice(0, 8)),
    );
    const shards = await openShards(settings, subjects, publisher, ask);
    return {
      identity: readRecord(
        "the storage's identity",
        () => decodeIdentity(identity.payload),
      ),
      shards,
    };
  } catch (error) {
    throw toStreamError(error);
  }
}

/**
 * How many data logs there are by now.
 *
 * @throws {StreamError} `damaged`, `storage_unreachable`
 */
export async function readShards(jetStream: JetStream, subjects: Subjects): Promise<number> {
  try {
    const stored = await jetStream.lastMessage(subjects.metaLog, subjects.shards);
    if (stored === undefined) return 0;
    return shardsOf(stored);
  } catch (error) {
    throw toStreamError(error);
  }
}

async function openShards(
  { jetStream, replicas, shards: wanted, newShards }: NatsSettings,
  subjects: Subjects,
  publisher: Publisher,
  ask: (subject: string) => Promise<StoredMessage | undefined>,
): Promise<number> {
  const place = { log: subjects.metaLog, subject: subjects.shards };
  for (;;) {
    const stored = await ask(subjects.shards);
    const there = stored === undefined ? 0 : shardsOf(stored);
    const shards = there === 0 ? newShards : Math.max(there, wanted);
    for (let shard = 1; shard <= shards; shard++) {
      await jetStream.ensureLog({
        name: subjects.dataLog(shard),
        subjects: subjects.allData(shard),
        replicas,
        isWatched: true,
      });
    }
    if (shards === there) return shards;
    const expectedSequence = stored?.sequence ?? 0;
    const published = await publisher.publish([{
      ...place,
      payload: encodeShards(shards),
      expectedSequence,
    }]);
    if (published.kind === "stored") return shards;
    if (published.kind === "failed") throw published.error;
  }
}

/** What stands under a subject, where the first to come has put it. */
async function once(
  publisher: Publisher,
  place: { log: string; subject: string },
  ask: (subject: string) => Promise<StoredMessage | undefined>,
  payload: Uint8Array<ArrayBuffer>,
): Promise<{ payload: Uint8Array<ArrayBuffer> }> {
  for (;;) {
    const stored = await ask(place.subject);
    if (stored !== undefined) return stored;
    const published = await publisher.publish([{ ...place, payload, expectedSequence: 0 }]);
    if (published.kind === "failed") throw published.error;
  }
}

function shardsOf({ payload }: StoredMessage): number {
  return readRecord("the storage's number of logs", () => decodeShards(payload));
}
