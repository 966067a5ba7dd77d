import type { FrameSink, LiveBody } from "../../http/handler.ts";
import type { Permit } from "../../access/permit.ts";
import type { Rights } from "../../access/rights.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { formatLiveEventId, type OtherPlace } from "../../protocol/live_event_id.ts";
import { encodeLiveControl, encodeLiveEvent } from "../../protocol/live_events.ts";
import type { StreamOffset } from "../../protocol/offset.ts";
import type { EntryConnection, EntryOwner, LiveEntry } from "./live_entry.ts";

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

/** How a connection begins. */
export interface LiveConnectionStart {
  readonly id: string;
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
export class LiveConnection implements LiveBody, EntryConnection {
  readonly id: string;
  readonly rights: Rights | undefined;
  readonly limitBytes: number;
  readonly beganAtMs: number;
  /** When it ends at the latest, in ms since 1970. */
  closeAtMs: number;
  /** When something was sent last, in ms since 1970. */
  sentAtMs: number;
  /** All that it follows, by their names. */
  readonly entries = new Map<string, LiveEntry>();
  /** Those of the request, in its order. */
  readonly named: LiveEntry[] = [];
  /** Whether its right has ended: it gets nothing more of the streams. */
  isExpired = false;
  /** Whether patterns take in streams: one that was closed isn't to be taken in again. */
  hasPatterns = false;
  /** Whether it ends once it follows nothing more. */
  endsWhenEmpty = false;
  /** Called once when it is over, from whichever side. */
  onEnd: () => void = () => {};
  /** Called when there is something to be sent. */
  onPending: () => void = () => {};
  /** Who is told of what becomes of its streams. */
  owner: EntryOwner = { serveFirst: () => {}, failed: () => {}, ended: () => {} };
  readonly #hasEventIds: boolean;
  readonly #waiting = new Set<LiveEntry>();
  readonly #reading = new Set<LiveEntry>();
  #events: Bytes[] = [];
  #eventBytes = 0;
  #added: AddedStream[] = [];
  #removed: string[] = [];
  /** Where streams are closed that the request doesn't name, or that a pattern may mean, too. */
  readonly #endedOthers = new Map<string, StreamOffset>();
  #otherChars = 0;
  #early: Bytes[] = [];
  #earlyBytes = 0;
  #sink: FrameSink | undefined;
  #ended = false;

  constructor(start: LiveConnectionStart) {
    this.id = start.id;
    this.rights = start.rights;
    this.#hasEventIds = start.hasEventIds;
    this.limitBytes = start.limitBytes;
    this.beganAtMs = start.nowMs;
    this.sentAtMs = start.nowMs;
    this.closeAtMs = start.closeAtMs;
  }

  /** Whose it is, where a permit says so. */
  get permit(): Permit | undefined {
    return this.rights?.permit;
  }

  get isOver(): boolean {
    return this.#ended;
  }

  /** Whether its client has room for more. */
  get hasRoom(): boolean {
    if (this.#ended) return false;
    const queuedBytes = this.#sink?.queuedBytes ?? this.#earlyBytes;
    return queuedBytes + this.#eventBytes < this.limitBytes;
  }

  /** Whether so much lies unread that not even changes of its set are to add to it. */
  get isStuck(): boolean {
    return (this.#sink?.queuedBytes ?? this.#earlyBytes) > this.limitBytes + STUCK_BYTES;
  }

  /** Whether it is to get what is new. */
  get mayPush(): boolean {
    return this.hasRoom && !this.isExpired && this.#sink?.isHeld?.() !== true;
  }

  /** Whether some of its streams wait for their turn. */
  get isBehind(): boolean {
    return this.#waiting.size > 0;
  }

  /** Whether a stream's turn has come: others wait behind it. */
  isReading(entry: LiveEntry): boolean {
    return this.#reading.has(entry);
  }

  /** Whether one more stream that the request doesn't name fits into the `id`. */
  hasIdFor(name: string): boolean {
    return !this.#hasEventIds || this.#otherChars + idChars(name) <= ID_LIMIT_CHARS;
  }

  /** Adds a stream, whose turn comes. */
  add(entry: LiveEntry): void {
    this.entries.set(entry.name, entry);
    if (entry.isOther) this.#otherChars += idChars(entry.name);
    this.wait(entry);
  }

  /** Takes a stream out. */
  remove(entry: LiveEntry): void {
    if (this.entries.get(entry.name) === entry) this.entries.delete(entry.name);
    this.#waiting.delete(entry);
    this.#reading.delete(entry);
    if (entry.isOther) this.#otherChars -= idChars(entry.name);
    const endsAt = entry.closedAt;
    const isToBeKnown = this.hasPatterns || (entry.isOther && this.#hasEventIds);
    if (endsAt !== undefined && isToBeKnown) this.noteEnded(entry.name, endsAt);
  }

  /** Notes that its client knows a stream's end. */
  noteEnded(name: string, place: StreamOffset): void {
    if (!this.#endedOthers.has(name)) this.#otherChars += idChars(name);
    this.#endedOthers.set(name, place);
    const [oldest] = this.#endedOthers.keys();
    if (oldest !== undefined && this.#endedOthers.size > ENDED_LIMIT) this.#forgetEnd(oldest);
  }

  /** Whether its client knows all of a stream, as that is now. What it knew of another one is forgotten. */
  knowsEndOf(name: string, tail: StreamOffset): boolean {
    const ended = this.#endedOthers.get(name);
    if (ended === undefined) return false;
    if (ended.space === tail.space && ended.position === tail.position) return true;
    this.#forgetEnd(name);
    return false;
  }

  #forgetEnd(name: string): void {
    this.#endedOthers.delete(name);
    this.#otherChars -= idChars(name);
  }

  /** Has a stream read on when its turn comes. */
  wait(entry: LiveEntry): void {
    this.#reading.delete(entry);
    this.#waiting.add(entry);
  }

  /** A stream's turn is over, and there is nothing more for it. */
  finishTurn(entry: LiveEntry): void {
    // Where it brought nothing, nothing is sent after which the next ones would have theirs.
    if (this.#reading.delete(entry)) this.takeTurns();
  }

  /** Gives turns to the streams that wait, as far as there is room. */
  takeTurns(): void {
    if (!this.mayPush) return;
    for (const entry of this.#waiting) {
      if (this.#reading.size >= READS_AT_ONCE) return;
      this.#waiting.delete(entry);
      this.#reading.add(entry);
      entry.serve();
    }
  }

  /** Queues an event for the end of the turn. */
  push(event: Bytes): void {
    if (this.#ended) return;
    const isFirst = this.#events.length === 0;
    this.#events.push(event);
    this.#eventBytes += event.length;
    // Once it is full it needn't wait for more.
    if (isFirst || !this.hasRoom) this.onPending();
  }

  /** Has the next `set` event say that a stream is followed. */
  tellAdded(added: AddedStream): void {
    this.#added.push(added);
    this.onPending();
  }

  /** Has the next `set` event say that it isn't any more, as its client wanted. */
  tellRemoved(name: string): void {
    this.#removed.push(name);
    this.onPending();
  }

  /** All that is to be sent, in order, with its control event; `undefined` where there is nothing. */
  takeEvents(): readonly Bytes[] | undefined {
    const hasSet = this.#added.length > 0 || this.#removed.length > 0;
    if (this.#ended || (!hasSet && this.#events.length === 0)) return undefined;
    const events: Bytes[] = [];
    if (hasSet) {
      events.push(encodeLiveEvent("set", { added: this.#added, removed: this.#removed }));
      this.#added = [];
      this.#removed = [];
    }
    for (const event of this.#events) events.push(event);
    this.#events = [];
    this.#eventBytes = 0;
    events.push(this.control());
    return events;
  }

  /** The control event as things stand. */
  control(): Bytes {
    const upToDate = this.#waiting.size === 0 && this.#reading.size === 0;
    return this.#hasEventIds
      ? encodeLiveControl(upToDate, this.#eventId())
      : CONTROLS[upToDate ? 1 : 0];
  }

  #eventId(): string {
    const others: OtherPlace[] = [];
    for (const entry of this.entries.values()) {
      const place = entry.isOther ? entry.place : "ended";
      if (typeof place !== "string") others.push({ name: entry.name, place, hasEnded: false });
    }
    for (const [name, place] of this.#endedOthers) others.push({ name, place, hasEnded: true });
    return formatLiveEventId({ places: this.named.map(({ place }) => place), others });
  }

  attach(sink: FrameSink): void {
    this.#sink = sink;
    for (const frame of this.#early) sink.write(frame);
    this.#early = [];
    this.#earlyBytes = 0;
    if (this.#ended) sink.end();
    else this.takeTurns();
  }

  drained(): void {
    this.takeTurns();
  }

  disconnected(): void {
    this.#finish();
  }

  /** Sends bytes at once. */
  send(frame: Bytes, nowMs: number): void {
    if (this.#ended) return;
    if (this.#sink === undefined) {
      this.#early.push(frame);
      this.#earlyBytes += frame.length;
    } else this.#sink.write(frame);
    this.sentAtMs = nowMs;
  }

  /** Ends it sooner where its client comes back by itself, and then has all that it hasn't now. */
  comeBackBy(atMs: number): void {
    if (this.#hasEventIds) this.closeAtMs = Math.min(this.closeAtMs, atMs);
  }

  /** Ends it; what is queued in the client's connection still goes out. */
  end(): void {
    if (this.#ended) return;
    this.#sink?.end();
    this.#finish();
  }

  /** Ends the connection of a client that doesn't read. */
  destroy(): void {
    if (this.#ended) return;
    this.#sink?.destroy(new Error("The reader left too much unread for too long."));
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events = [];
    this.onEnd();
  }
}

function idChars(name: string): number {
  return name.length * 4 + PLACE_CHARS;
}
