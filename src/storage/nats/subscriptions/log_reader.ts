import { concatBytes } from "../../../protocol/bytes.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError } from "../cluster/unreachable.ts";
import { MalformedFrame } from "../format/binary.ts";
import {
  decodeSubscriptionMessage,
  type RecordsMessage,
  type SnapshotPlace,
  type SubscriptionMessage,
} from "../format/subscription_log.ts";
import {
  decodeSubscriptionSnapshot,
  type SubscriptionSnapshot,
} from "../format/subscription_snapshot.ts";
import type { JetStream } from "../jetstream.ts";

const BATCH_MESSAGES = 256;
const BATCH_BYTES = 1024 * 1024;

/** What the cluster has of the subscriptions. */
export interface StoredSubscriptions {
  readonly snapshot: SubscriptionSnapshot | undefined;
  readonly place: SnapshotPlace | undefined;
  /** What came after the snapshot. */
  readonly messages: readonly RecordsMessage[];
  /** That of the newest message. */
  readonly sequence: number;
}

interface Found {
  readonly message: Exclude<SubscriptionMessage, { kind: "part" }>;
  readonly sequence: number;
}

/**
 * Reads the log of the subscriptions and the snapshot that goes before it, and checks that nothing is left
 * out.
 *
 * @throws {StreamError} `damaged`, `storage_unreachable`
 */
export async function readSubscriptions(
  jetStream: JetStream,
  subjects: Subjects,
): Promise<StoredSubscriptions> {
  try {
    const { subscriptionsLog: log, subscriptionRecords: subject } = subjects;
    const last = await jetStream.lastSequence(log, subject);
    const found = await readLog(jetStream, { log, subject }, last);
    const pointer = found.findLast(({ message }) => message.kind === "pointer")?.message;
    const isPointed = pointer?.kind === "pointer";
    const upTo = isPointed ? pointer.upToSequence : 0;
    const messages: RecordsMessage[] = [];
    let previous = upTo;
    for (const { message, sequence } of found) {
      if (sequence <= upTo) continue;
      if (message.previousSequence !== previous) {
        throw new MalformedFrame(
          `message ${sequence} follows ${message.previousSequence}, and ${previous} is before it`,
        );
      }
      previous = sequence;
      if (message.kind === "records") messages.push(message);
    }
    if (previous !== last) throw new MalformedFrame(`message ${last} is missing`);
    return {
      snapshot: isPointed ? await readSnapshot(jetStream, subjects, pointer.snapshot) : undefined,
      place: isPointed ? pointer.snapshot : undefined,
      messages,
      sequence: last,
    };
  } catch (error) {
    if (!(error instanceof MalformedFrame)) throw toStreamError(error);
    throw new StreamError(
      { code: "damaged" },
      `The subscriptions are damaged in the cluster: ${error.message}.`,
    );
  }
}

async function readLog(
  jetStream: JetStream,
  place: { log: string; subject: string },
  last: number,
): Promise<Found[]> {
  const found: Found[] = [];
  let parts: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < last;) {
    const messages = await jetStream.messages({
      ...place,
      fromSequence: at + 1,
      limit: BATCH_MESSAGES,
      limitBytes: BATCH_BYTES,
      byLeader: true,
    });
    for (const { payload, sequence } of messages) {
      at = sequence;
      const message = decodeSubscriptionMessage(payload.slice());
      if (message.kind !== "part") found.push({ message, sequence });
      else {
        // What a snapshot includes may begin in the middle of one, whose other parts are gone.
        if (message.index === 0) parts = [];
        parts.push(message.bytes);
        if (message.index + 1 < message.partCount || parts.length < message.partCount) continue;
        const whole = decodeSubscriptionMessage(concatBytes(parts));
        if (whole.kind !== "part") found.push({ message: whole, sequence });
      }
    }
    if (messages.length === 0) break;
  }
  return found;
}

async function readSnapshot(
  jetStream: JetStream,
  subjects: Subjects,
  { owner, count, parts: partCount }: SnapshotPlace,
): Promise<SubscriptionSnapshot> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let part = 0; part < partCount; part++) {
    const subject = subjects.subscriptionSnapshot(owner, count, part);
    const stored = await jetStream.lastMessage(subjects.subscriptionsLog, subject);
    if (stored === undefined) throw new MalformedFrame(`part ${part} of the snapshot is missing`);
    const message = decodeSubscriptionMessage(stored.payload.slice());
    if (message.kind !== "part" || message.index !== part) {
      throw new MalformedFrame(`part ${part} of the snapshot is another message`);
    }
    parts.push(message.bytes);
  }
  return decodeSubscriptionSnapshot(concatBytes(parts));
}
