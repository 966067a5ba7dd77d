import type { Connection } from "../transport/connection.ts";
import { NOW, START } from "../transport/place.ts";
import { ClientError } from "../errors/client_error.ts";
import {
  isNotOffered,
  LiveConnection,
  type LiveEvent,
  type LiveStart,
  TOO_MANY_STREAMS,
} from "./live_connection.ts";
import { LiveFollower } from "./live_follower.ts";
import { SseConnection, type SseConnectionOptions, type SseGroup } from "./sse_connection.ts";

/** How long a server counts as one that doesn't offer it: it may be another one by then. */
const REMEMBERED_MS = 10 * 60_000;
/** How long the first event may take before a proxy counts as one that holds events back. */
const FIRST_EVENT_MS = 5_000;

/** One stream of a shared connection, and its readers. */
interface SharedStream {
  readonly path: string;
  readonly tag: number;
  /** Up to where it has come. */
  offset: string;
  upToDate: boolean;
  /** Whether the server has begun it: what came before is of an earlier one. */
  hasBegun: boolean;
  readonly followers: Set<LiveFollower>;
}

const shares = new WeakMap<Connection, LiveShare>();

/** What the readers of one connection share. */
export function shareOf(connection: Connection): LiveShare {
  let share = shares.get(connection);
  if (share === undefined) shares.set(connection, share = new LiveShare(connection));
  return share;
}

/**
 * Has the live readers of a client share one connection where there are several, and the server offers it
 * (an extension). A single one has a connection of its own, which caches can join with others'.
 */
export class LiveShare {
  readonly #connection: Connection;
  readonly #streams = new Map<string, SharedStream>();
  /** Connections of single readers, and the requests of those that poll. */
  readonly #own = new Set<SseConnection>();
  #polls = 0;
  #live: LiveConnection | undefined;
  /** What the server follows on it. */
  #followed = new Map<string, SharedStream>();
  #isOffered = false;
  /** How many streams a connection may have, as its server says. */
  #maxStreams = Infinity;
  /** The last one that the server has taken. */
  #begun: LiveConnection | undefined;
  #notBeforeMs = 0;
  #isSyncing = false;
  #syncAgain = false;
  #nextTag = 1;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Counts a long-poll, which another reader may share a connection with later. */
  async polling<T>(poll: () => Promise<T>): Promise<T> {
    this.#polls++;
    try {
      return await poll();
    } finally {
      this.#polls--;
    }
  }

  /** A reader's part of the shared connection; `undefined` where it is to have one of its own. */
  follow(path: string, offset: string): LiveFollower | undefined {
    const { clock } = this.#connection;
    if (clock.nowMs() < this.#notBeforeMs || offset === START || offset === NOW) return undefined;
    const isAlone = this.#streams.size === 0 && this.#own.size + this.#polls === 0;
    if (isAlone) return undefined;
    const shared = this.#streams.get(path);
    if (shared === undefined) {
      return this.#streams.size < this.#maxStreams ? this.#begin(path, offset) : undefined;
    }
    // Another place of the same stream: there is one of each on a connection.
    if (shared.offset !== offset) return undefined;
    const follower = this.#join(shared);
    if (shared.hasBegun) follower.push(groupOf(offset, shared.upToDate));
    return follower;
  }

  /** A connection of a reader's own. */
  own(options: SseConnectionOptions): SseConnection {
    const sse = new SseConnection(this.#connection, options);
    this.#own.add(sse);
    sse.onEnd = () => this.#own.delete(sse);
    return sse;
  }

  #begin(path: string, offset: string): LiveFollower {
    const shared: SharedStream = {
      path,
      tag: this.#nextTag++,
      offset,
      upToDate: false,
      hasBegun: false,
      followers: new Set(),
    };
    this.#streams.set(path, shared);
    const follower = this.#join(shared);
    void this.#sync();
    return follower;
  }

  #join(shared: SharedStream): LiveFollower {
    const follower = new LiveFollower(this.#connection.clock.nowMs(), () => {
      shared.followers.delete(follower);
      if (shared.followers.size === 0) this.#drop(shared);
    });
    shared.followers.add(follower);
    return follower;
  }

  #drop(shared: SharedStream): void {
    if (this.#streams.get(shared.path) === shared) this.#streams.delete(shared.path);
    void this.#sync();
  }

  /** Has the server follow what the readers follow; what changes at once goes as one request. */
  async #sync(): Promise<void> {
    this.#syncAgain = true;
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    try {
      while (this.#syncAgain) {
        await Promise.resolve();
        this.#syncAgain = false;
        await this.#syncOnce();
      }
    } finally {
      this.#isSyncing = false;
    }
  }

  async #syncOnce(): Promise<void> {
    if (this.#streams.size === 0) {
      this.#live?.cancel();
      this.#live = undefined;
      return;
    }
    const live = this.#live;
    if (live === undefined) return this.#open();
    if (!live.hasBegun) return;
    const added = [...this.#streams.values()].filter((shared) =>
      this.#followed.get(shared.path) !== shared
    );
    const removed = [...this.#followed.values()].filter((shared) =>
      this.#streams.get(shared.path) !== shared
    );
    if (added.length + removed.length === 0) return;
    for (const { path } of removed) this.#followed.delete(path);
    for (const shared of added) this.#followed.set(shared.path, shared);
    try {
      if (await live.change(added.map(startOf), removed.map(({ path }) => path))) return;
    } catch {
      // As if the connection were gone: the readers begin another one.
    }
    if (this.#live !== live) return;
    live.cancel();
  }

  #open(): void {
    const { timeoutMs } = this.#connection;
    const streams = [...this.#streams.values()];
    this.#followed = new Map(streams.map((shared) => [shared.path, shared]));
    const live = new LiveConnection(this.#connection, { streams: streams.map(startOf) }, {
      timeoutMs: this.#isOffered ? timeoutMs : Math.min(timeoutMs, FIRST_EVENT_MS),
      firstEventMs: FIRST_EVENT_MS,
      attempt: 1,
      signal: undefined,
    });
    this.#live = live;
    void this.#run(live);
  }

  async #run(live: LiveConnection): Promise<void> {
    let failure: unknown;
    try {
      for (let events = await live.next(); events !== undefined; events = await live.next()) {
        if (live.hasBegun && this.#begun !== live) this.#noteBegun(live);
        for (const event of events) this.#take(event);
      }
    } catch (error) {
      failure = error;
      live.cancel();
    }
    if (this.#live === live) this.#afterEnd(live, failure);
  }

  #noteBegun(live: LiveConnection): void {
    this.#begun = live;
    this.#isOffered = true;
    this.#maxStreams = live.maxStreams;
    for (const sse of [...this.#own]) sse.handOver();
    // The readers may be others than when it was opened.
    void this.#sync();
  }

  /** Ends all readers' parts: each goes on from its place, by the next connection or one of its own. */
  #afterEnd(live: LiveConnection, failure: unknown): void {
    this.#live = undefined;
    this.#followed.clear();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    const isFull = failure instanceof ClientError && failure.serverCode === TOO_MANY_STREAMS;
    // Those for whom there is no room have connections of their own.
    if (isFull) this.#maxStreams = Math.ceil(streams.length / 2);
    // A server that has offered it may be away; of another one nothing is known but that it doesn't work.
    const hasOwn = !live.hasBegun && !isFull &&
      (!this.#isOffered || live.isSilent || isRefused(failure));
    if (hasOwn) {
      this.#isOffered = false;
      this.#notBeforeMs = this.#connection.clock.nowMs() + REMEMBERED_MS;
    }
    for (const { followers } of streams) {
      for (const follower of followers) {
        follower.isSilent = live.isSilent;
        follower.isExpired = live.isExpired;
        follower.isMidEvent = live.isMidEvent;
        if (hasOwn || isFull) follower.handOver();
        else follower.end(failure);
      }
    }
  }

  #take(event: LiveEvent): void {
    const path = event.type === "added" ? event.added.stream : event.stream;
    const shared = path === undefined ? undefined : this.#streams.get(path);
    if (shared === undefined) return;
    switch (event.type) {
      case "added": {
        const { tag, upToDate } = event.added;
        if (tag !== shared.tag) return;
        shared.hasBegun = true;
        return this.#give(shared, shared.offset, upToDate);
      }
      case "data":
        if (shared.hasBegun) this.#give(shared, event.nextOffset, event.upToDate, event);
        return;
      case "closed":
        if (!shared.hasBegun) return;
        this.#remove(shared);
        for (const follower of shared.followers) {
          follower.push({ ...groupOf(event.nextOffset, true), closed: true });
          follower.end();
        }
        return;
      case "error":
        if (event.tag !== shared.tag) return;
        this.#remove(shared);
        for (const follower of shared.followers) {
          if (event.error.serverCode === TOO_MANY_STREAMS) follower.handOver();
          else follower.end(event.error);
        }
    }
  }

  /** Takes out what the server has ended by itself. */
  #remove(shared: SharedStream): void {
    this.#streams.delete(shared.path);
    if (this.#followed.get(shared.path) === shared) this.#followed.delete(shared.path);
  }

  #give(shared: SharedStream, offset: string, upToDate: boolean, sent?: Sent): void {
    shared.offset = offset;
    shared.upToDate = upToDate;
    for (const follower of shared.followers) {
      follower.push(groupOf(offset, upToDate, sent));
      if (!follower.isFull) continue;
      // What it lacks is read anew once it has come so far.
      shared.followers.delete(follower);
      follower.handOver();
    }
    if (shared.followers.size === 0) this.#drop(shared);
  }
}

/** Whether a request was refused by whom a reader's own may not be: that hears why, where it is. */
function isRefused(failure: unknown): boolean {
  return isNotOffered(failure) || (failure instanceof ClientError && failure.code === "forbidden");
}

/** What a data event has of a stream. */
type Sent = Pick<Extract<LiveEvent, { type: "data" }>, "data" | "compactedUpTo">;

function startOf({ path, offset, tag }: SharedStream): LiveStart {
  return { stream: path, offset, tag };
}

function groupOf(nextOffset: string, upToDate: boolean, sent?: Sent): SseGroup {
  return {
    bodies: sent === undefined ? [] : [sent.data],
    nextOffset,
    cursor: undefined,
    upToDate,
    closed: false,
    nextOrdinal: undefined,
    earliestOffset: undefined,
    compactedUpTo: sent?.compactedUpTo,
  };
}
