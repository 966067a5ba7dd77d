import type { FrameSink } from "../../http/handler.ts";
import type { Permit } from "../../access/permit.ts";
import type { Rights } from "../../access/rights.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { formatLiveEventId, type OtherPlace } from "../../protocol/live_event_id.ts";
import { encodeLiveControl, encodeLiveEvent } from "../../protocol/live_events.ts";
import { spaceAt, type StreamOffset } from "../../protocol/offset.ts";
import type { ReadResult } from "../../storage/storage.ts";
import { PushedBody } from "../common/pushed_body.ts";
import type { EventBatch, EventBatches } from "./event_batch.ts";
import type { EntryConnection, LiveEntry } from "./live_entry.ts";

/** So many streams of a connection that isn't up to date are read at once. */
const READS_AT_ONCE = 8;
/** An `id` is at most this long: it comes back in a header. */
const ID_LIMIT_CHARS = 8 * 1024;
/** So much may answers to changes of its set add to what a client leaves unread. */
const STUCK_BYTES = 1024 * 1024;
/** Of so many closed streams does a connection with patterns know at most that they were sent. */
const ENDED_LIMIT = 10_000;
/** What an `id` says of a stream beside its name, at most. */
const PLACE_CHARS = 24;

const CONTROLS: readonly [Bytes, Bytes] = [
  encodeLiveControl(false, undefined),
  encodeLiveControl(true, undefined),
];

/** Who has connections, and is told of what becomes of them and of their streams. */
export interface LiveOwner {
  /** Where what is to be sent together begins. */
  readonly batches: EventBatches;
  /** There is something to be sent. */
  pending(connection: LiveConnection): void;
  /** Has the first chunk of a stream read, and {@link begin} called. */
  readFirst(entry: LiveEntry): void;
  /** Has the first chunk of a stream sent, and what follows from then on. */
  begin(connection: LiveConnection, entry: LiveEntry, first: ReadResult): void;
  /** A stream can't be read on. */
  failed(connection: LiveConnection, entry: LiveEntry, error: unknown): void;
  /** A stream isn't followed any more. */
  removed(connection: LiveConnection, entry: LiveEntry): void;
}

/** When what a connection has is sent. */
export type LiveFlush = "not yet" | "a little later" | "at the turn's end";

/** How a connection begins. */
export interface LiveConnectionStart {
  readonly id: string;
  readonly owner: LiveOwner;
  readonly rights: Rights | undefined;
  /** Whether its control events have an `id`, for a client that comes back with it. */
  readonly hasEventIds: boolean;
  readonly nowMs: number;
  readonly closeAtMs: number;
  readonly limitBytes: number;
}

/** A stream that is followed from now on, as a `set` event says. */
export interface AddedStream {
  readonly stream: string;
  readonly tag: number | undefined;
  readonly offset: string;
  readonly contentType: string;
  readonly upToDate: boolean;
}

/**
 * One connection that follows many streams: what came of them is collected and sent together, by the hub,
 * at the end of a turn of the event loop. While its client has no room for more, what is new waits in the
 * storage; then the streams take turns, the one that has waited longest first.
 */
export class LiveConnection extends PushedBody implements EntryConnection {
  readonly id: string;
  readonly rights: Rights | undefined;
  readonly beganAtMs: number;
  /** When it ends at the latest, in ms since 1970. */
  closeAtMs: number;
  /** All that it follows, by their names. */
  readonly entries = new Map<string, LiveEntry>();
  /** When what it has is sent. */
  flush: LiveFlush = "not yet";
  /** Whether its right has ended: it gets nothing more of the streams. */
  isExpired = false;
  /** Whether patterns take in streams: one that was closed isn't to be taken in again. */
  hasPatterns = false;
  /** Whether it ends once it follows nothing more. */
  endsWhenEmpty = false;
  readonly #owner: LiveOwner;
  /** Those of the request, in its order, where its client continues by that. */
  readonly #named: LiveEntry[] | undefined;
  /** Those that wait for their turn, in order, and maybe some that don't any more. */
  #queue: LiveEntry[] | undefined;
  #waiting = 0;
  #reading = 0;
  #batch: EventBatch | undefined;
  #added: AddedStream[] | undefined;
  #removed: string[] | undefined;
  /** Those whose end, or error, is in the batch. */
  #unsentEnds: Set<string> | undefined;
  /** Where streams are closed that the request doesn't name, or that a pattern may mean, too. */
  #endedOthers: Map<string, StreamOffset> | undefined;
  /** Where those are that the request doesn't name and that can't be read for now. */
  #refusedOthers: Map<string, StreamOffset> | undefined;
  #otherChars = 0;

  constructor(start: LiveConnectionStart) {
    super(start);
    this.id = start.id;
    this.rights = start.rights;
    this.#owner = start.owner;
    this.#named = start.hasEventIds ? [] : undefined;
    this.beganAtMs = start.nowMs;
    this.closeAtMs = start.closeAtMs;
  }

  /** Whose it is, where a permit says so. */
  get permit(): Permit | undefined {
    return this.rights?.permit;
  }

  /** Whether its client has room for more. */
  get hasRoom(): boolean {
    return !this.isOver && this.queuedBytes + (this.#batch?.bytes ?? 0) < this.limitBytes;
  }

  /** Whether so much lies unread that not even changes of its set are to add to it. */
  get isStuck(): boolean {
    return this.queuedBytes > this.limitBytes + STUCK_BYTES;
  }

  /** Whether it is to get what is new. */
  get mayPush(): boolean {
    return this.hasRoom && !this.isExpired && !this.isHeld;
  }

  /** Whether some of its streams wait for their turn. */
  get isBehind(): boolean {
    return this.#waiting > 0;
  }

  /** Whether one more stream that the request doesn't name fits into the `id`. */
  hasIdFor(name: string): boolean {
    return this.#named === undefined || this.#otherChars + idChars(name) <= ID_LIMIT_CHARS;
  }

  /** Adds a stream, whose turn comes. */
  add(entry: LiveEntry): void {
    this.#forgetRefused(entry.name);
    this.entries.set(entry.name, entry);
    if (entry.isOther) this.#otherChars += idChars(entry.name);
    this.wait(entry);
  }

  /** Notes the place of a stream that the request names, where its client continues by that. */
  name(entry: LiveEntry): void {
    this.#named?.push(entry);
  }

  readFirst(entry: LiveEntry): void {
    this.#owner.readFirst(entry);
  }

  begin(entry: LiveEntry, first: ReadResult): void {
    this.#owner.begin(this, entry, first);
  }

  failed(entry: LiveEntry, error: unknown): void {
    this.#noteUnsentEnd(entry.name);
    this.#owner.failed(this, entry, error);
  }

  ended(entry: LiveEntry, closedAt?: number): void {
    this.#cancelTurn(entry);
    if (closedAt !== undefined) this.#noteUnsentEnd(entry.name);
    if (this.entries.get(entry.name) === entry) this.entries.delete(entry.name);
    if (entry.isOther) this.#otherChars -= idChars(entry.name);
    const isToBeKnown = this.hasPatterns || (entry.isOther && this.#named !== undefined);
    if (closedAt !== undefined && entry.topic !== undefined && isToBeKnown) {
      const space = spaceAt(entry.topic.space, closedAt);
      this.noteEnded(entry.name, { space, position: closedAt });
    }
    this.#owner.removed(this, entry);
  }

  #noteUnsentEnd(name: string): void {
    this.#unsentEnds ??= new Set();
    this.#unsentEnds.add(name);
  }

  /** Whether the end of a stream of this name has yet to be sent. */
  hasUnsentEndOf(name: string): boolean {
    return this.#unsentEnds?.has(name) === true;
  }

  /** Notes that its client knows a stream's end. */
  noteEnded(name: string, place: StreamOffset): void {
    const ended = this.#endedOthers ??= new Map();
    if (!ended.has(name)) this.#otherChars += idChars(name);
    ended.set(name, place);
    const [oldest] = ended.keys();
    if (oldest !== undefined && ended.size > ENDED_LIMIT) this.#forgetEnd(oldest);
  }

  /** Has its client, where that continues by an `id`, come back for a stream that can't be read for now. */
  noteRefused(entry: LiveEntry): void {
    const { name, place, isOther } = entry;
    if (this.#named === undefined || !isOther || typeof place === "string") return;
    const refused = this.#refusedOthers ??= new Map();
    if (!refused.has(name)) this.#otherChars += idChars(name);
    refused.set(name, place);
  }

  #forgetRefused(name: string): void {
    if (this.#refusedOthers?.delete(name) === true) this.#otherChars -= idChars(name);
  }

  /** Whether its client knows all of a stream, as that is now. What it knew of another one is forgotten. */
  knowsEndOf(name: string, tail: StreamOffset): boolean {
    const ended = this.#endedOthers?.get(name);
    if (ended === undefined) return false;
    if (ended.space === tail.space && ended.position === tail.position) return true;
    this.#forgetEnd(name);
    return false;
  }

  #forgetEnd(name: string): void {
    this.#endedOthers?.delete(name);
    this.#otherChars -= idChars(name);
  }

  /** Has a stream read on when its turn comes. */
  wait(entry: LiveEntry): void {
    if (entry.turn === "waiting" || entry.hasEnded) return;
    if (entry.turn === "reading") this.#reading--;
    entry.turn = "waiting";
    this.#waiting++;
    this.#queue ??= [];
    this.#queue.push(entry);
  }

  /** A stream's turn is over, and there is nothing more for it. */
  finishTurn(entry: LiveEntry): void {
    if (entry.turn !== "reading") return;
    entry.turn = "none";
    this.#reading--;
    // Where it brought nothing, nothing is sent after which the next ones would have theirs.
    this.takeTurns();
  }

  #cancelTurn(entry: LiveEntry): void {
    if (entry.turn === "waiting") this.#waiting--;
    else if (entry.turn === "reading") this.#reading--;
    entry.turn = "none";
    const queue = this.#queue;
    if (queue === undefined || queue.length <= 2 * this.#waiting + READS_AT_ONCE) return;
    this.#queue = this.#waiting === 0 ? undefined : queue.filter(({ turn }) => turn === "waiting");
  }

  /** Gives turns to the streams that wait, as far as there is room. */
  takeTurns(): void {
    if (this.#waiting === 0 || !this.mayPush) return;
    for (let left = this.#waiting; left > 0 && this.#reading < READS_AT_ONCE; left--) {
      const entry = this.#nextWaiting();
      if (entry === undefined) return;
      this.#waiting--;
      this.#reading++;
      entry.turn = "reading";
      entry.serve();
    }
  }

  #nextWaiting(): LiveEntry | undefined {
    const queue = this.#queue;
    let entry = queue?.shift();
    while (entry !== undefined && entry.turn !== "waiting") entry = queue?.shift();
    if (queue?.length === 0) this.#queue = undefined;
    return entry;
  }

  /** Queues an event for the end of the turn. */
  push(event: Bytes): void {
    if (this.isOver) return;
    const batch = this.#batch;
    this.#batch = batch === undefined ? this.#owner.batches.of(event) : batch.and(event);
    // Once it is full it needn't wait for more.
    if (batch === undefined || !this.hasRoom) this.#owner.pending(this);
  }

  /** Has the next `set` event say that a stream is followed. */
  tellAdded(added: AddedStream): void {
    this.#added ??= [];
    this.#added.push(added);
    this.#owner.pending(this);
  }

  /** Has the next `set` event say that it isn't any more, as its client wanted. */
  tellRemoved(name: string): void {
    this.#forgetRefused(name);
    this.#removed ??= [];
    this.#removed.push(name);
    this.#owner.pending(this);
  }

  /** All that is to be sent, in order, with its control event; `undefined` where there is nothing. */
  takeChunk(): Bytes | undefined {
    const batch = this.#batch;
    const added = this.#added;
    const removed = this.#removed;
    this.#batch = undefined;
    this.#unsentEnds = undefined;
    if (this.isOver) return undefined;
    if (added === undefined && removed === undefined) return batch?.joined(this.control());
    this.#added = undefined;
    this.#removed = undefined;
    const set = encodeLiveEvent("set", { added: added ?? [], removed: removed ?? [] });
    return concatBytes([set, ...batch?.events() ?? [], this.control()]);
  }

  /** The control event as things stand. */
  control(): Bytes {
    const upToDate = this.#waiting === 0 && this.#reading === 0;
    return this.#named === undefined
      ? CONTROLS[upToDate ? 1 : 0]
      : encodeLiveControl(upToDate, this.#eventId(this.#named));
  }

  #eventId(named: readonly LiveEntry[]): string {
    const others: OtherPlace[] = [];
    for (const entry of this.entries.values()) {
      const place = entry.isOther ? entry.place : "ended";
      if (typeof place !== "string") others.push({ name: entry.name, place, hasEnded: false });
    }
    for (const [name, place] of this.#refusedOthers ?? []) {
      others.push({ name, place, hasEnded: false });
    }
    for (const [name, place] of this.#endedOthers ?? []) {
      others.push({ name, place, hasEnded: true });
    }
    return formatLiveEventId({ places: named.map(({ place }) => place), others });
  }

  override attach(sink: FrameSink): void {
    super.attach(sink);
    this.takeTurns();
  }

  drained(): void {
    this.takeTurns();
  }

  /** Ends it sooner where its client comes back by itself, and then has all that it hasn't now. */
  comeBackBy(atMs: number): void {
    if (this.#named !== undefined) this.closeAtMs = Math.min(this.closeAtMs, atMs);
  }
}

function idChars(name: string): number {
  return name.length * 4 + PLACE_CHARS;
}
