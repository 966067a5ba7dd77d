import { SubscriptionEngine } from "../../subscriptions/engine.ts";
import { SubscriptionRegistry } from "../../subscriptions/registry.ts";
import type { StreamError } from "../../../protocol/errors.ts";
import { newWakeId } from "../../subscriptions/wake_id.ts";
import type { Clock } from "../../../env/clock.ts";
import type { OffsetSpaces } from "../../offset_spaces.ts";
import type { Appended, AppendRequest } from "../../storage.ts";
import type { SecretStore } from "../../subscription_store.ts";
import type { Publisher } from "../cluster/publisher.ts";
import type { Subjects } from "../cluster/subjects.ts";
import { toStreamError, unreachable } from "../cluster/unreachable.ts";
import { readNotice } from "../format/notice.ts";
import type { Positions, SnapshotPlace } from "../format/subscription_log.ts";
import type { JetStream, StoredMessage } from "../jetstream.ts";
import { readSubscriptions, type StoredSubscriptions } from "./log_reader.ts";
import { SeenStreams } from "./seen_streams.ts";
import { ShardFollower } from "./shard_follower.ts";
import { SubscriptionLog, toMessages } from "./subscription_log.ts";

/** So often is the log read anew since somebody else has written to it. */
const MOST_RACES = 20;
/** After all that rows of snapshots include: what is replayed is in none of them. */
const FIRST_LSN = 1;

/** What an {@link OwnerState} works on. */
export interface OwnerParts {
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly publisher: Publisher;
  /** This front end's number. */
  readonly frontEnd: number;
  readonly maxSubscriptions: number;
  readonly secrets: SecretStore;
  readonly spaces: OffsetSpaces;
  nextCount(): number;
  /** How many data logs there are. */
  shards(): Promise<number>;
  /** As `Storage.append`. */
  append(name: string, request: AppendRequest): Promise<Appended>;
  random(): number;
}

/**
 * All subscriptions as their owner has them in memory: made of the log, and of what the data logs say between
 * its records, in the order in which it happened the first time.
 */
export class OwnerState {
  readonly registry = new SubscriptionRegistry();
  readonly streams: SeenStreams;
  readonly engine: SubscriptionEngine;
  readonly log: SubscriptionLog;
  /** The newest snapshot. */
  place: SnapshotPlace | undefined;
  /** Messages of data logs that were seen since the newest snapshot. */
  seenSinceSnapshot = 0;
  /** Called for a stream that may be the wake stream of somebody who waits for it. */
  onWakeStream: (name: string) => void = () => {};
  readonly #parts: OwnerParts;
  readonly #followers = new Map<number, ShardFollower>();
  #positions = new Map<number, number>();
  #following: Promise<void> | undefined;
  #isClosed = false;

  private constructor(
    parts: OwnerParts,
    stored: StoredSubscriptions,
    sequence: number,
    onLost: (state: OwnerState) => void,
  ) {
    this.#parts = parts;
    const { registry } = this;
    this.streams = new SeenStreams(({ id, name }) =>
      registry.hasCursors(id) || registry.isWakeStream(name)
    );
    this.place = stored.place;
    this.#restore(stored);
    const recorded = new Map(stored.snapshot?.positions);
    let lsn = FIRST_LSN;
    for (const { entries } of stored.messages) {
      for (const entry of entries) {
        if (entry.kind === "record") lsn++;
        else for (const [shard, position] of entry.positions) recorded.set(shard, position);
      }
    }
    const { clock, jetStream, subjects, publisher, frontEnd, nextCount } = parts;
    const positions = () => this.positions();
    const logParts = { clock, jetStream, subjects, publisher, owner: frontEnd, nextCount };
    const onLogLost = () => onLost(this);
    this.log = new SubscriptionLog(
      { ...logParts, positions, onLost: onLogLost },
      sequence,
      lsn,
      recorded,
    );
    this.log.messagesSinceSnapshot = stored.messages.length;
    this.engine = new SubscriptionEngine({
      ...parts,
      registry,
      streams: this.streams,
      journal: this.log,
      admission: { admit: () => this.#checkOpen(), checkUnadmitted: () => {} },
      append: (name, request) => {
        const appended = parts.append(name, request);
        // What follows from a wake event is recorded behind it, as far as two logs can have an order.
        this.log.hold(appended);
        return appended;
      },
      newWakeId,
    });
  }

  /**
   * Takes over: reads what there is, and puts a message of its own behind it, after which no other front
   * end's is stored any more.
   *
   * @param onLost called once nothing can be recorded any more
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  static async open(
    parts: OwnerParts,
    onLost: (state: OwnerState) => void,
  ): Promise<OwnerState> {
    const { jetStream, subjects, publisher, frontEnd, nextCount } = parts;
    for (let race = 0; race < MOST_RACES; race++) {
      const stored = await readSubscriptions(jetStream, subjects);
      const published = await publisher.publish(toMessages({
        kind: "records",
        owner: frontEnd,
        count: nextCount(),
        previousSequence: stored.sequence,
        entries: [],
      }, parts));
      if (published.kind === "failed") throw published.error;
      if (published.kind === "refused") continue;
      const state = new OwnerState(parts, stored, published.sequence, onLost);
      try {
        await state.#replay(stored);
      } catch (error) {
        state.close(unreachable("the subscriptions can't be read."));
        throw toStreamError(error);
      }
      return state;
    }
    throw unreachable("too many front ends take over the subscriptions at once.");
  }

  /** Up to where the data logs were looked at. */
  positions(): Positions {
    for (const [shard, { position }] of this.#followers) this.#positions.set(shard, position);
    return this.#positions;
  }

  /**
   * Follows the data logs from now on, unless it does already: as long as there are no subscriptions nothing
   * in them matters.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async follow(): Promise<void> {
    this.#following ??= this.#follow();
    try {
      await this.#following;
    } catch (error) {
      this.#following = undefined;
      throw toStreamError(error);
    }
  }

  /** There may be more data logs by now. */
  async followNew(): Promise<void> {
    if (this.#following === undefined) return;
    await this.#following;
    for (let shard = 1; shard <= await this.#parts.shards(); shard++) {
      if (!this.#followers.has(shard) && !this.#isClosed) this.#open(shard, 0).release();
    }
  }

  /**
   * Resolves when all that was stored before the call has been seen.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async caughtUp(): Promise<void> {
    try {
      await Promise.all([...this.#followers.values()].map((follower) => follower.caughtUp()));
    } catch (error) {
      throw toStreamError(error);
    }
    this.#checkOpen();
  }

  /** Nothing happens to it any more. */
  close(error: StreamError): void {
    this.#isClosed = true;
    for (const follower of this.#followers.values()) follower.stop();
    this.log.close(error);
  }

  #checkOpen(): undefined {
    if (this.#isClosed) throw unreachable("another front end has taken over the subscriptions.");
  }

  #restore({ snapshot }: StoredSubscriptions): void {
    if (snapshot === undefined) return;
    const { registry, streams } = this;
    this.#positions = new Map(snapshot.positions);
    const cursors = Map.groupBy(snapshot.cursors, ({ subscriptionId }) => subscriptionId);
    for (const row of snapshot.rows) registry.restore(row, cursors.get(row.id) ?? []);
    for (const stream of snapshot.streams) streams.restore(stream, this.#parts.clock.nowMs());
  }

  async #replay({ messages }: StoredSubscriptions): Promise<void> {
    const { registry } = this;
    let lsn = FIRST_LSN;
    if (registry.size > 0) await this.#startFollowers();
    for (const { entries } of messages) {
      for (const entry of entries) {
        if (entry.kind === "positions") {
          await this.#advance(entry.positions);
        } else {
          registry.apply(entry.record, ++lsn);
          // Whoever is the first is followed for from there on.
          if (registry.size > 0) await this.#startFollowers();
        }
      }
    }
    if (registry.size > 0) return this.#release();
    this.positions();
    for (const follower of this.#followers.values()) follower.stop();
    this.#followers.clear();
    this.streams.clear();
  }

  async #advance(positions: Positions): Promise<void> {
    for (const [shard, sequence] of positions) {
      await this.#followers.get(shard)?.advanceTo(sequence);
      if (!this.#followers.has(shard)) this.#positions.set(shard, sequence);
    }
  }

  async #follow(): Promise<void> {
    const { jetStream, subjects, shards } = this.#parts;
    // Nobody is there whom what came before could concern.
    for (let shard = 1; shard <= await shards(); shard++) {
      this.#positions.set(shard, await jetStream.logEnd(subjects.dataLog(shard)));
    }
    await this.#startFollowers();
    this.#release();
  }

  async #startFollowers(): Promise<void> {
    if (this.#followers.size > 0) return;
    for (let shard = 1; shard <= await this.#parts.shards(); shard++) {
      if (!this.#isClosed) this.#open(shard, this.#positions.get(shard) ?? 0);
    }
  }

  #open(shard: number, position: number): ShardFollower {
    const { jetStream, subjects } = this.#parts;
    const place = { log: subjects.dataLog(shard), subject: subjects.allStreams(shard) };
    const follower = new ShardFollower(jetStream, place, position, (message) => this.#see(message));
    this.#followers.set(shard, follower);
    return follower;
  }

  #release(): void {
    this.#following ??= Promise.resolve();
    for (const follower of this.#followers.values()) follower.release();
  }

  #see({ subject, sequence, headers }: StoredMessage): void {
    const notice = readNotice(headers);
    const id = Number(subject.slice(subject.lastIndexOf(".") + 1));
    if (notice === undefined || !Number.isSafeInteger(id)) return;
    this.seenSinceSnapshot++;
    const { registry, streams, engine } = this;
    const { name, end } = notice;
    // Of a new stream all is pending, of a fork what it has of its source, too.
    const start = notice.isFirst ? 0 : notice.start;
    let stream = streams.summary(id);
    if (notice.isGone) {
      engine.removed({ id }, FIRST_LSN);
      if (stream !== undefined) streams.see(stream, notice, sequence);
      return;
    }
    // Of what a damaged replica left out, all that came after what was seen is pending.
    const from = stream === undefined ? start : Math.min(start, Math.max(0, stream.tail));
    const isNew = stream === undefined || sequence > stream.sequence;
    if (stream !== undefined) streams.see(stream, notice, sequence);
    if (end > start) {
      const followed = stream ?? { id, name };
      if (stream === undefined && registry.followers(followed).length > 0) {
        stream = streams.meet(id, notice, sequence, this.#parts.clock.nowMs());
      }
      engine.appended(stream ?? followed, isNew ? from : start, FIRST_LSN);
    }
    if (notice.isFirst && registry.isWakeStream(name)) this.onWakeStream(name);
  }
}
