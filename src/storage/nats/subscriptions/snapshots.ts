import { StreamError } from "../../../protocol/errors.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { CursorRow, SubscriptionRow } from "../../subscriptions/capture.ts";
import { toStreamError } from "../cluster/unreachable.ts";
import { encodeSubscriptionMessage, PART_OVERHEAD_BYTES } from "../format/subscription_log.ts";
import { encodeSubscriptionSnapshot, type SeenStream } from "../format/subscription_snapshot.ts";
import type { OwnerParts, OwnerState } from "./owner_state.ts";

/** After so many messages of the log, or of the data logs, a snapshot is made: a new owner reads no more. */
const LOG_MESSAGES = 1000;
const DATA_MESSAGES = 50_000;

/** Stores all subscriptions as they are, so that the log before that can go. */
export class OwnerSnapshots {
  readonly #parts: OwnerParts;
  readonly #state: OwnerState;
  #running: Promise<void> | undefined;

  constructor(parts: OwnerParts, state: OwnerState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Makes one if it is time. */
  async makeIfDue(): Promise<void> {
    const { log, registry, seenSinceSnapshot } = this.#state;
    const isDue = log.messagesSinceSnapshot >= LOG_MESSAGES ||
      (registry.size > 0 && seenSinceSnapshot >= DATA_MESSAGES);
    if (isDue) await this.make();
  }

  /**
   * Makes one, unless one is being made.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  make(): Promise<void> {
    return this.#running ??= this.#make().finally(() => this.#running = undefined);
  }

  async #make(): Promise<void> {
    const { log } = this.#state;
    const captured = Promise.withResolvers<{ bytes: Bytes; upTo: Promise<number> }>();
    log.captureNext((upTo) => captured.resolve({ bytes: this.#capture(), upTo }));
    const { bytes, upTo } = await captured.promise;
    const upToSequence = await upTo;
    const { frontEnd: owner, nextCount, jetStream, subjects } = this.#parts;
    const count = nextCount();
    const partBytes = jetStream.messageLimitBytes - PART_OVERHEAD_BYTES;
    const parts = Math.max(1, Math.ceil(bytes.length / partBytes));
    for (let index = 0; index < parts; index++) {
      await this.#store(subjects.subscriptionSnapshot(owner, count, index), {
        owner,
        count,
        index,
        partCount: parts,
        bytes: bytes.slice(index * partBytes, (index + 1) * partBytes),
      });
    }
    const place = { owner, count, parts };
    await log.point(place, upToSequence);
    this.#state.place = place;
    await log.forget(upToSequence);
    await this.#purge(upToSequence);
  }

  /** The snapshots before this one go, also parts of one whose owner died before it was whole. */
  async #purge(upToSequence: number): Promise<void> {
    const { jetStream, subjects } = this.#parts;
    try {
      await jetStream.purge(
        subjects.subscriptionsLog,
        subjects.subscriptionSnapshots,
        upToSequence,
      );
    } catch (error) {
      throw toStreamError(error);
    }
  }

  async #store(
    subject: string,
    part: { owner: number; count: number; index: number; partCount: number; bytes: Bytes },
  ): Promise<void> {
    const { publisher, subjects } = this.#parts;
    const payload = encodeSubscriptionMessage({ kind: "part", previousSequence: 0, ...part });
    const published = await publisher.publish([{
      log: subjects.subscriptionsLog,
      subject,
      payload,
      expectedSequence: 0,
    }]);
    if (published.kind === "failed") throw published.error;
    if (published.kind === "refused" && !published.mayBeOurs) {
      throw new StreamError({ code: "storage_failed" }, "The snapshot's place is taken.");
    }
  }

  /** All of it, at this moment. */
  #capture(): Bytes {
    const { registry, streams, log } = this.#state;
    this.#state.seenSinceSnapshot = 0;
    log.messagesSinceSnapshot = 0;
    // What has changed since the last one is of no use here, and would pile up.
    registry.capture(0);
    registry.markStored();
    const rows: SubscriptionRow[] = [];
    const cursors: CursorRow[] = [];
    const seen = new Map<number, SeenStream>();
    for (const entry of registry.entries()) {
      rows.push(entry.toRow(0));
      for (const [streamId, position] of entry.cursors) {
        cursors.push({ subscriptionId: entry.id, streamId, position });
        const stream = streams.summary(streamId);
        if (stream !== undefined) {
          seen.set(streamId, { id: streamId, name: stream.name, tail: stream.tail });
        }
      }
    }
    const positions = this.#state.positions();
    return encodeSubscriptionSnapshot({ positions, rows, cursors, streams: [...seen.values()] });
  }
}
