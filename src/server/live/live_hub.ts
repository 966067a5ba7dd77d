import { getLogger } from "@logtape/logtape";
import type { Rights } from "../../access/rights.ts";
import { hasPassed } from "../../env/clock.ts";
import { CallbackDeadline, DeadlineQueue } from "../../env/deadline_queue.ts";
import type { AbortSignalLike } from "../../http/handler.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { encodeLiveEvent } from "../../protocol/live_events.ts";
import type { Pattern } from "../../protocol/name_pattern.ts";
import { formatOffset, type ReadFrom, type StreamOffset } from "../../protocol/offset.ts";
import { encodeCredentialExpired, SSE_KEEP_ALIVE } from "../../protocol/sse.ts";
import type { ReadResult } from "../../storage/storage.ts";
import { copyString } from "../../storage/copy_string.ts";
import { requireRight } from "../access/guard.ts";
import { watchPermit } from "../access/permit_end.ts";
import type { Counters } from "../common/counters.ts";
import { statusOf } from "../common/errors.ts";
import type { LiveChange, LiveStart } from "../common/live_change.ts";
import type { ServerConfig } from "../common/options.ts";
import { EventBatches } from "./event_batch.ts";
import { LiveConnection, type LiveOwner } from "./live_connection.ts";
import { LiveEntry } from "./live_entry.ts";
import { type FoundStream, LivePatterns } from "./live_patterns.ts";
import { LiveTopic, TURN_BYTES } from "./live_topic.ts";
import type { LiveReaders } from "./readers.ts";
import { SharedNames } from "./shared_names.ts";

const logger = getLogger(["durable-streams", "server"]);

const TICK_MS = 1000;
/** A client whose connection's time is over has this long to take its queue. */
const GRACE_MS = 15_000;
/** A client that comes back by itself does so after this where something can't be read for now. */
const COME_BACK_MS = 30_000;

/** A pattern, and where those streams begin that are there already; later ones at their start. */
export interface LivePatternStart {
  readonly pattern: Pattern;
  readonly from: ReadFrom;
}

/** What a connection follows at first. */
export interface LiveRequest {
  readonly streams: readonly LiveStart[];
  readonly patterns: readonly LivePatternStart[];
  /** Streams that a pattern took in before and that were closed there: they aren't begun again. */
  readonly ended: ReadonlyMap<string, StreamOffset>;
  /** Those of the request's own that aren't begun again. */
  readonly endedNames: ReadonlySet<string>;
  /** Those that its URL doesn't name. */
  readonly others: readonly LiveStart[];
  /** Whether control events have an `id`, at which a client continues. */
  readonly hasEventIds: boolean;
  /** Whether the connection ends once it follows nothing more. */
  readonly endsWhenEmpty: boolean;
}

/**
 * The connections of an app that follow many streams each. A stream is read and encoded once for all of
 * them that are at the same offset, and what a turn of the event loop brings goes to each as one chunk.
 */
export class LiveHub {
  readonly #config: ServerConfig;
  readonly #liveReaders: LiveReaders;
  readonly #counters: Counters;
  readonly #topics = new Map<number, LiveTopic>();
  readonly #connections = new Map<string, LiveConnection>();
  readonly #names = new SharedNames();
  /** Those that are sent what they have at the end of the turn. */
  #pending: LiveConnection[] = [];
  /** Those that are once the timer is over. */
  #paced: LiveConnection[] = [];
  #cancelPace: (() => void) | undefined;
  /** Those that wait for the first chunk of a stream, by its name and where it is read. */
  readonly #firstReads = new Map<string, LiveEntry[]>();
  readonly #patterns: LivePatterns;
  readonly #deadlines: DeadlineQueue;
  readonly #nextTick = new CallbackDeadline(() => this.#tick());
  #streams = 0;
  /** One for all connections. */
  readonly #owner: LiveOwner = {
    batches: new EventBatches(),
    pending: (connection) => this.#schedule(connection),
    readFirst: (entry) => this.#readFirst(entry),
    begin: (connection, entry, first) => this.#begin(connection, entry, first),
    failed: (connection, entry, error) => this.#failed(connection, entry, error),
    removed: (connection, entry) => {
      this.#streams--;
      this.#names.release(entry.name);
      this.#endIfEmpty(connection);
    },
  };

  constructor(config: ServerConfig, liveReaders: LiveReaders, counters: Counters) {
    this.#config = config;
    this.#liveReaders = liveReaders;
    this.#counters = counters;
    this.#deadlines = new DeadlineQueue(config.clock, TICK_MS);
    this.#patterns = new LivePatterns(config.storage, config.clock);
  }

  /** How many connections there are. */
  get size(): number {
    return this.#connections.size;
  }

  /** How many streams they follow, each counted once for every connection. */
  get streams(): number {
    return this.#streams;
  }

  /** How many connections follow a stream. */
  countOf(id: number): number {
    return this.#topics.get(id)?.size ?? 0;
  }

  /**
   * A new connection: the body of its response.
   *
   * @param rights those that each stream is checked by; `undefined` where everybody may read everything
   * @throws {StreamError} `too_many_readers`
   */
  open(request: LiveRequest, rights: Rights | undefined, signal: AbortSignalLike): LiveConnection {
    const { clock, liveCloseAfterMs, sseBufferBytes } = this.#config;
    const nowMs = clock.nowMs();
    const connection = new LiveConnection({
      id: crypto.randomUUID(),
      owner: this.#owner,
      rights,
      hasEventIds: request.hasEventIds,
      nowMs,
      closeAtMs: nowMs + liveCloseAfterMs,
      limitBytes: sseBufferBytes,
    });
    this.#enter(connection);
    // Its right may have ended while its request came: what it followed now nobody would let go of.
    if (connection.isOver) return connection;
    signal.addEventListener("abort", () => connection.end(), { once: true });
    connection.endsWhenEmpty = request.endsWhenEmpty;
    connection.hasPatterns = request.patterns.length > 0;
    for (const [name, place] of request.ended) connection.noteEnded(name, place);
    for (const start of request.streams) {
      const hasEnded = request.endedNames.has(start.name);
      connection.name(this.#add(connection, start, false, hasEnded));
    }
    for (const start of request.others) {
      if (!connection.entries.has(start.name)) this.#add(connection, start, true);
    }
    for (const pattern of request.patterns) void this.#followPattern(connection, pattern);
    if (this.#liveReaders.isStopping || signal.aborted) connection.end();
    else connection.takeTurns();
    this.#endIfEmpty(connection);
    return connection;
  }

  /**
   * Changes what a connection follows; false where there is none of this id that the subject has. One whose
   * client asks for changes without reading what they come to is ended.
   */
  change({ connection: id, subject, add, remove }: LiveChange): boolean {
    const connection = this.#connections.get(id);
    if (connection === undefined || connection.permit?.subject !== subject) return false;
    if (connection.isStuck) {
      this.#counters.droppedReaders++;
      connection.destroy();
      return false;
    }
    // What was sent of a stream before is told apart from what comes once it is added anew.
    this.#flush(connection);
    for (const name of remove) {
      connection.entries.get(name)?.end();
      connection.tellRemoved(name);
    }
    for (const start of add) {
      if (connection.entries.has(start.name)) continue;
      this.#add(connection, start, true);
    }
    connection.takeTurns();
    return true;
  }

  #enter(connection: LiveConnection): void {
    const release = this.#liveReaders.enter(() => connection.end());
    this.#connections.set(connection.id, connection);
    if (!this.#nextTick.isQueued) this.#deadlines.add(this.#nextTick, 1);
    let forgetPermit = () => {};
    connection.onEnd = () => {
      release();
      forgetPermit();
      this.#connections.delete(connection.id);
      this.#patterns.forget(connection);
      for (const entry of [...connection.entries.values()]) entry.end();
    };
    const { clock, maxLiveStreams: maxStreams } = this.#config;
    const open = encodeLiveEvent("open", { connection: connection.id, maxStreams });
    connection.send(open, clock.nowMs());
    let hasBegun = false;
    forgetPermit = watchPermit(connection.permit, clock, (reason) => {
      this.#flush(connection);
      connection.isExpired = true;
      // Before it has its streams its `id` would be that of another set.
      if (hasBegun) connection.send(connection.control(), clock.nowMs());
      connection.send(encodeUtf8(encodeCredentialExpired(reason)), clock.nowMs());
      connection.end();
    });
    hasBegun = true;
  }

  /** @param hasEnded whether it isn't begun, as its client knows its end */
  #add(
    connection: LiveConnection,
    start: LiveStart,
    isOther: boolean,
    hasEnded = false,
  ): LiveEntry {
    const rejection = hasEnded ? undefined : this.#rejectionOf(connection, start.name, isOther);
    if (hasEnded || rejection !== undefined) {
      const ended = new LiveEntry(connection, copyString(start.name), start, isOther);
      ended.hasEnded = true;
      if (rejection !== undefined) this.#failed(connection, ended, rejection);
      return ended;
    }
    // A `set` goes before all else that is sent with it: the end of an earlier one isn't to follow it.
    if (connection.hasUnsentEndOf(start.name)) this.#flush(connection);
    const entry = new LiveEntry(connection, this.#names.take(start.name), start, isOther);
    this.#streams++;
    connection.add(entry);
    return entry;
  }

  #rejectionOf(
    connection: LiveConnection,
    name: string,
    isOther: boolean,
  ): StreamError | undefined {
    try {
      requireRight(connection.rights, "read", name);
    } catch (error) {
      if (error instanceof StreamError) return error;
      throw error;
    }
    const { maxLiveStreams, maxFollowedStreams } = this.#config;
    if (connection.entries.size >= maxLiveStreams || (isOther && !connection.hasIdFor(name))) {
      return new StreamError(
        { code: "too_many_streams" },
        `The connection follows ${connection.entries.size} streams, as many as it may: open another one.`,
      );
    }
    if (this.#streams < maxFollowedStreams) return undefined;
    return new StreamError(
      { code: "too_many_readers" },
      `${this.#streams} streams are followed already, as many as may: try again later.`,
    );
  }

  /** Reads the first chunk of a stream: connections that come at once ask for the same. */
  #readFirst(entry: LiveEntry): void {
    const { name, from } = entry;
    const key = `${typeof from === "object" ? JSON.stringify(from) : from} ${name}`;
    const entries = this.#firstReads.get(key);
    if (entries !== undefined) return void entries.push(entry);
    this.#firstReads.set(key, [entry]);
    void this.#readFor(key, entry);
  }

  async #readFor(key: string, { name, from }: LiveEntry): Promise<void> {
    let first: ReadResult | undefined;
    let failure: unknown;
    try {
      first = await this.#config.storage.read(name, from, TURN_BYTES);
    } catch (error) {
      failure = error;
    }
    const entries = this.#firstReads.get(key) ?? [];
    this.#firstReads.delete(key);
    for (const entry of entries) {
      const { connection } = entry;
      if (entry.hasEnded) continue;
      if (first === undefined) entry.fail(failure);
      else if (connection.mayPush) this.#tryBegin(entry, first);
      else connection.wait(entry);
    }
    // Only now: each has the same streams next, whose first chunks are read once for all.
    for (const { connection } of entries) connection.takeTurns();
  }

  #tryBegin(entry: LiveEntry, first: ReadResult): void {
    try {
      entry.connection.begin(entry, first);
    } catch (error) {
      entry.fail(error);
    }
  }

  #begin(connection: LiveConnection, entry: LiveEntry, first: ReadResult): void {
    let topic = this.#topics.get(first.id);
    if (topic === undefined) {
      topic = new LiveTopic(this.#config.storage, entry.name, first, this.#forgetTopic);
      this.#topics.set(first.id, topic);
    }
    topic.add(entry);
    entry.begin(topic, first.start);
    connection.tellAdded({
      stream: entry.name,
      tag: entry.tag,
      offset: formatOffset(first.space, first.start),
      contentType: first.contentType,
      upToDate: first.start === first.tail,
    });
    topic.deliver(first, [entry]);
    topic.follow(entry, first);
  }

  readonly #forgetTopic = ({ id }: LiveTopic) => void this.#topics.delete(id);

  async #followPattern(
    connection: LiveConnection,
    { pattern, from }: LivePatternStart,
  ): Promise<void> {
    try {
      const found = await this.#patterns.join(connection, pattern, {
        found: (streams) => this.#takeIn(connection, pattern, streams, 0),
        failed: (error) => this.#tellPatternError(connection, pattern, error),
      });
      this.#takeIn(connection, pattern, found, from);
    } catch (error) {
      this.#tellPatternError(connection, pattern, error);
    }
  }

  #takeIn(
    connection: LiveConnection,
    pattern: Pattern,
    streams: readonly FoundStream[],
    from: ReadFrom,
  ): void {
    for (const { name, id, tail } of streams) {
      if (connection.isOver || !mayFind(connection, name)) continue;
      const entry = connection.entries.get(name);
      if (entry?.streamId !== undefined && entry.streamId !== id) entry.fail(madeAgain(name));
      else if (entry !== undefined || connection.knowsEndOf(name, tail)) continue;
      const rejection = this.#rejectionOf(connection, name, true);
      if (rejection !== undefined) return this.#tellPatternError(connection, pattern, rejection);
      this.#add(connection, { name, from }, true);
    }
    connection.takeTurns();
  }

  /** Whether what can't be read now may be later, which a client comes back for. */
  #isForNow(connection: LiveConnection, error: unknown): boolean {
    if (!(error instanceof StreamError) || statusOf(error) !== 503) return false;
    connection.comeBackBy(this.#config.clock.nowMs() + COME_BACK_MS);
    return true;
  }

  #tellPatternError(connection: LiveConnection, pattern: Pattern, error: unknown): void {
    this.#isForNow(connection, error);
    connection.push(encodeLiveEvent("error", { pattern: pattern.text, ...this.#describe(error) }));
  }

  #failed(connection: LiveConnection, entry: LiveEntry, error: unknown): void {
    const { name, tag } = entry;
    entry.endedForNow = this.#isForNow(connection, error);
    if (entry.endedForNow) connection.noteRefused(entry);
    connection.push(encodeLiveEvent("error", { stream: name, tag, ...this.#describe(error) }));
  }

  #describe(error: unknown): object {
    if (error instanceof StreamError) {
      const { code, failure, message } = error;
      this.#counters.addError(code);
      const earliestOffset = failure.code === "offset_trimmed"
        ? formatOffset(failure.space, failure.earliest)
        : undefined;
      return { status: statusOf(error), code, message, earliestOffset };
    }
    this.#counters.internalErrors++;
    logger.error("A stream of a live connection failed in a way that is a defect here: {error}", {
      error,
    });
    return { status: 500, code: "internal", message: "The server failed: its log says more." };
  }

  #endIfEmpty(connection: LiveConnection): void {
    if (!connection.endsWhenEmpty || connection.entries.size > 0 || connection.isOver) return;
    queueMicrotask(() => {
      if (connection.entries.size > 0) return;
      this.#flush(connection);
      connection.end();
    });
  }

  /**
   * Sends at the end of the turn, what other streams bring meanwhile along with it; to a client that was sent
   * something just now, a little later.
   */
  #schedule(connection: LiveConnection): void {
    if (connection.flush === "at the turn's end") return;
    const { clock, livePaceMs } = this.#config;
    const isPaced = livePaceMs > 0 && clock.nowMs() - connection.sentAtMs < livePaceMs;
    if (isPaced && connection.hasRoom) {
      if (connection.flush === "a little later") return;
      connection.flush = "a little later";
      this.#paced.push(connection);
      this.#cancelPace ??= clock.setTimer(livePaceMs, () => this.#flushPaced());
      return;
    }
    connection.flush = "at the turn's end";
    this.#pending.push(connection);
    if (this.#pending.length === 1) setImmediate(() => this.#flushPending());
  }

  #flushPaced(): void {
    this.#cancelPace = undefined;
    const connections = this.#paced;
    this.#paced = [];
    this.#flushThese(connections);
  }

  #flushPending(): void {
    const connections = this.#pending;
    this.#pending = [];
    this.#flushThese(connections);
  }

  #flushThese(connections: readonly LiveConnection[]): void {
    this.#owner.batches.clear();
    const nowMs = this.#config.clock.nowMs();
    for (const connection of connections) this.#flush(connection, nowMs);
  }

  #flush(connection: LiveConnection, nowMs = this.#config.clock.nowMs()): void {
    connection.flush = "not yet";
    const chunk = connection.takeChunk();
    if (chunk === undefined) return;
    connection.send(chunk, nowMs);
    connection.takeTurns();
  }

  /** Comments for the quiet ones, an end for those whose time is over. */
  #tick(): void {
    const nowMs = this.#config.clock.nowMs();
    for (const connection of [...this.#connections.values()]) {
      if (!connection.hasRoom) {
        if (nowMs < connection.closeAtMs + GRACE_MS) continue;
        this.#counters.droppedReaders++;
        connection.destroy();
      } else if (nowMs >= connection.closeAtMs) connection.end();
      else if (hasPassed(this.#config.sseKeepAliveMs, connection.sentAtMs, nowMs)) {
        connection.send(SSE_KEEP_ALIVE, nowMs);
      }
    }
    if (this.#connections.size > 0) this.#deadlines.add(this.#nextTick, 1);
  }
}

function madeAgain(name: string): StreamError {
  return new StreamError(
    { code: "offset_gone" },
    `The stream ${quote(name)} was deleted, and made again: it begins anew.`,
  );
}

/** Names of streams are told to those only who may list and read them. */
function mayFind({ rights }: LiveConnection, name: string): boolean {
  return rights === undefined || (rights.allows("list", name) && rights.allows("read", name));
}
