import { invariant } from "../invariant.ts";
import type { SubscriptionMeasures } from "../measures.ts";
import type { Ack, StateChange, SubscriptionRecord } from "../records.ts";
import { NEW_SUBSCRIPTION } from "../subscription.ts";
import type { CursorRow, SubscriptionCapture, SubscriptionRow } from "./capture.ts";
import { DirtySubscriptions } from "./dirty_subscriptions.ts";
import { matches, parsePattern } from "../../protocol/name_pattern.ts";
import { PatternIndex } from "./pattern_index.ts";
import { SubscriptionEntry } from "./subscription_entry.ts";

/** A stream, as far as subscriptions follow it. */
export interface FollowedStream {
  readonly id: number;
  readonly name: string;
  /** What {@link SubscriptionRegistry} found to follow it, kept with it. */
  followers?: object | undefined;
}

/** The subscriptions that follow a stream, as of one version of the index. */
class Followers {
  readonly version: number;
  readonly entries: readonly SubscriptionEntry[];

  constructor(version: number, entries: readonly SubscriptionEntry[]) {
    this.version = version;
    this.entries = entries;
  }
}

/**
 * All subscriptions in their assigned state, with the cursors of streams that have something pending.
 * Records are applied here on the way in and when a log is replayed, so what is recovered is what was
 * acknowledged.
 */
export class SubscriptionRegistry {
  readonly #byId = new Map<number, SubscriptionEntry>();
  readonly #byName = new Map<string, SubscriptionEntry>();
  readonly #index = new PatternIndex<SubscriptionEntry>();
  /** How many subscriptions write their wakes to a stream. */
  readonly #wakeStreams = new Map<string, number>();
  /** The subscriptions that have a cursor in a stream. */
  readonly #cursorsOf = new Map<number, Set<SubscriptionEntry>>();
  readonly #dirty = new DirtySubscriptions();
  /** Changes with the index; shared by all streams that nobody follows. */
  #nobody = new Followers(0, []);

  /** How many subscriptions there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** How they are, for metrics: looks at each of them. */
  measure(nowMs: number): SubscriptionMeasures {
    let webhook = 0;
    let pending = 0;
    let pendingStreams = 0;
    let failing = 0;
    let oldestMs = nowMs;
    for (const { config, cursors, state } of this.#byId.values()) {
      if (config.type === "webhook") webhook++;
      if (cursors.size > 0) pending++;
      pendingStreams += cursors.size;
      if (state.failed) failing++;
      if (state.phase !== "idle") oldestMs = Math.min(oldestMs, state.wakeAtMs);
    }
    const pullWake = this.size - webhook;
    const lagSeconds = (nowMs - oldestMs) / 1000;
    return { webhook, pullWake, pending, pendingStreams, failing, lagSeconds };
  }

  /** How many rows the next checkpoint has to store or to delete. */
  get dirtyCount(): number {
    return this.#dirty.count;
  }

  /** The subscription of this name. */
  find(name: string): SubscriptionEntry | undefined {
    return this.#byName.get(name);
  }

  /** The subscription of this id. */
  get(id: number): SubscriptionEntry | undefined {
    return this.#byId.get(id);
  }

  /** Whether there is a subscription of this id. */
  isKnown(id: number): boolean {
    return this.#byId.has(id);
  }

  /** Whether any subscription has something pending in a stream, as far as cursors say it. */
  hasCursors(streamId: number): boolean {
    return this.#cursorsOf.has(streamId);
  }

  /** All subscriptions. */
  entries(): IterableIterator<SubscriptionEntry> {
    return this.#byId.values();
  }

  /** Whether the stream of this name is the wake stream of any subscription. */
  isWakeStream(name: string): boolean {
    return this.#wakeStreams.has(name);
  }

  /** A subscription as it was stored, at the start. */
  restore(row: SubscriptionRow, cursors: Iterable<CursorRow>): void {
    const entry = this.#add(row, row.lsn);
    for (const { streamId, position } of cursors) this.#putCursor(entry, streamId, position);
  }

  /** What a record does; in a replay nothing where the subscription's row has it. */
  apply(record: SubscriptionRecord, lsn: number): void {
    const { id, change } = record;
    const entry = this.#byId.get(id);
    if (change.kind === "create") {
      const { name, config, hash, baseUrl } = change;
      const other = this.#byName.get(name);
      // It was deleted and its name given again, and the other one's row has both.
      if (entry !== undefined || (other !== undefined && lsn <= other.restoredLsn)) return;
      const links = config.streams;
      const row = { id, name, lsn, config, hash, baseUrl, links, createdAtMs: record.atMs };
      this.#dirty.add(
        this.#add({ ...row, state: NEW_SUBSCRIPTION, wakeStreams: [], cursorCount: 0 }, 0),
      );
      return;
    }
    if (entry === undefined || lsn <= entry.restoredLsn) return;
    entry.lsn = lsn;
    switch (change.kind) {
      case "delete":
        return this.#remove(entry);
      case "link":
        this.#link(entry, change.paths);
        break;
      case "unlink":
        this.#unlink(entry, change);
        break;
      case "state":
        this.#changeState(entry, change);
    }
    this.#dirty.add(entry);
  }

  /**
   * A stream got data, and all of it from `start` on is pending for those who had processed it up to
   * there. Returns the subscriptions that follow it.
   */
  appended(stream: FollowedStream, start: number, lsn: number): readonly SubscriptionEntry[] {
    if (this.#byId.size === 0) return this.#nobody.entries;
    const followers = this.followers(stream);
    for (const entry of followers) {
      if (lsn <= entry.restoredLsn || entry.cursors.has(stream.id)) continue;
      this.#putCursor(entry, stream.id, start);
      this.#dirty.addCursor(entry, stream.id);
    }
    return followers;
  }

  /** A stream is trimmed, and cursors before that move there: to its tail, where nothing is pending. */
  trimmed(streamId: number, earliest: number, isTail: boolean, lsn: number): void {
    const entries = this.#cursorsOf.get(streamId);
    if (entries === undefined) return;
    const ack = { streamId, position: earliest, isTail };
    for (const entry of [...entries]) {
      const cursor = entry.cursors.get(streamId);
      if (lsn <= entry.restoredLsn || cursor === undefined || cursor >= earliest) continue;
      this.#ack(entry, ack);
    }
  }

  /** A stream is gone, and every cursor in it. */
  removed(streamId: number, lsn: number): void {
    const entries = this.#cursorsOf.get(streamId);
    if (entries === undefined) return;
    for (const entry of [...entries]) {
      if (lsn > entry.restoredLsn) this.#dropCursor(entry, streamId);
    }
  }

  /** The subscriptions that follow a stream, but for one whose wakes it takes. */
  followers(stream: FollowedStream): readonly SubscriptionEntry[] {
    const { followers } = stream;
    if (followers === this.#nobody) return this.#nobody.entries;
    if (followers instanceof Followers && followers.version === this.#nobody.version) {
      return followers.entries;
    }
    const entries = this.#index.matching(stream.name)
      .filter(({ config }) => config.wakeStream !== stream.name);
    const found = entries.length === 0
      ? this.#nobody
      : new Followers(this.#nobody.version, entries);
    stream.followers = found;
    return found.entries;
  }

  /** What has changed since the last capture that was stored. */
  capture(lsn: number): SubscriptionCapture {
    return this.#dirty.capture(lsn);
  }

  /** The newest capture is stored. */
  markStored(): void {
    this.#dirty.markStored();
  }

  #add(row: SubscriptionRow, restoredLsn: number): SubscriptionEntry {
    const { pattern, wakeStream } = row.config;
    const parsed = pattern === undefined ? undefined : parsePattern(pattern);
    const entry = new SubscriptionEntry(row, parsed, restoredLsn);
    invariant(!this.#byName.has(entry.name), `the subscription ${entry.id} has a name of its own`);
    this.#byId.set(entry.id, entry);
    this.#byName.set(entry.name, entry);
    if (parsed !== undefined) this.#index.add(parsed, entry);
    for (const path of entry.links) this.#index.addName(path, entry);
    if (wakeStream !== undefined) {
      this.#wakeStreams.set(wakeStream, (this.#wakeStreams.get(wakeStream) ?? 0) + 1);
    }
    this.#renewFollowers();
    return entry;
  }

  #remove(entry: SubscriptionEntry): void {
    const { wakeStream } = entry.config;
    for (const streamId of entry.cursors.keys()) this.#dropCursorOf(entry, streamId);
    entry.cursors.clear();
    entry.isDeleted = true;
    this.#byId.delete(entry.id);
    this.#byName.delete(entry.name);
    if (entry.pattern !== undefined) this.#index.delete(entry.pattern, entry);
    for (const path of entry.links) this.#index.deleteName(path, entry);
    if (wakeStream !== undefined) {
      const others = (this.#wakeStreams.get(wakeStream) ?? 1) - 1;
      if (others === 0) this.#wakeStreams.delete(wakeStream);
      else this.#wakeStreams.set(wakeStream, others);
    }
    this.#renewFollowers();
    this.#dirty.addDeleted(entry);
  }

  #link(entry: SubscriptionEntry, paths: readonly string[]): void {
    for (const path of paths) {
      if (entry.links.has(path)) continue;
      entry.link(path);
      this.#index.addName(path, entry);
    }
    this.#renewFollowers();
  }

  #unlink(entry: SubscriptionEntry, { path, streamId }: { path: string; streamId: number }): void {
    entry.unlink(path);
    this.#index.deleteName(path, entry);
    this.#renewFollowers();
    if (entry.pattern === undefined || !matches(entry.pattern, path)) {
      this.#dropCursor(entry, streamId);
    }
  }

  #changeState(entry: SubscriptionEntry, change: StateChange): void {
    entry.state = change.state;
    if (change.wakeStreams !== undefined) entry.wakeStreams = change.wakeStreams;
    else if (change.state.phase === "idle") entry.wakeStreams = [];
    for (const ack of change.acks) this.#ack(entry, ack);
  }

  #ack(entry: SubscriptionEntry, { streamId, position, isTail }: Ack): void {
    const cursor = entry.cursors.get(streamId);
    if (cursor === undefined || cursor > position) return;
    if (isTail) return this.#dropCursor(entry, streamId);
    entry.cursors.set(streamId, position);
    this.#dirty.addCursor(entry, streamId);
  }

  #putCursor(entry: SubscriptionEntry, streamId: number, position: number): void {
    entry.cursors.set(streamId, position);
    const entries = this.#cursorsOf.get(streamId);
    if (entries === undefined) this.#cursorsOf.set(streamId, new Set([entry]));
    else entries.add(entry);
  }

  #dropCursor(entry: SubscriptionEntry, streamId: number): void {
    if (!entry.cursors.delete(streamId)) return;
    this.#dropCursorOf(entry, streamId);
    this.#dirty.addCursor(entry, streamId);
  }

  #dropCursorOf(entry: SubscriptionEntry, streamId: number): void {
    const entries = this.#cursorsOf.get(streamId);
    entries?.delete(entry);
    if (entries?.size === 0) this.#cursorsOf.delete(streamId);
  }

  #renewFollowers(): void {
    this.#nobody = new Followers(this.#nobody.version + 1, []);
  }
}
