import { getLogger } from "@logtape/logtape";
import type { Rights } from "../../access/rights.ts";
import { hasPassed } from "../../env/clock.ts";
import { CallbackDeadline, DeadlineQueue } from "../../env/deadline_queue.ts";
import type { AbortSignalLike } from "../../http/handler.ts";
import { type Bytes, concatBytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { encodeLiveEvent } from "../../protocol/live_events.ts";
import type { Pattern } from "../../protocol/name_pattern.ts";
import { formatOffset, type ReadFrom, type StreamOffset } from "../../protocol/offset.ts";
import { encodeCredentialExpired, SSE_KEEP_ALIVE } from "../../protocol/sse.ts";
import type { ReadResult } from "../../storage/storage.ts";
import { requireRight } from "../access/guard.ts";
import { watchPermit } from "../access/permit_end.ts";
import type { Counters } from "../common/counters.ts";
import { statusOf } from "../common/errors.ts";
import type { LiveChange, LiveStart } from "../common/live_change.ts";
import type { ServerConfig } from "../common/options.ts";
import { LiveConnection } from "./live_connection.ts";
import { LiveEntry } from "./live_entry.ts";
import { type FoundStream, LivePatterns } from "./live_patterns.ts";
import { LiveTopic, TURN_BYTES } from "./live_topic.ts";
import type { LiveReaders } from "./readers.ts";

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
  readonly #pending = new Set<LiveConnection>();
  /** Those that are sent what they have once the timer is over. */
  readonly #paced = new Set<LiveConnection>();
  #cancelPace: (() => void) | undefined;
  readonly #firstReads = new Map<string, Promise<ReadResult>>();
  readonly #patterns: LivePatterns;
  readonly #deadlines: DeadlineQueue;
  readonly #nextTick = new CallbackDeadline(() => this.#tick());
  #streams = 0;

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
    const { clock, liveCloseAfterMs, sseBufferBytes, maxLiveStreams } = this.#config;
    const nowMs = clock.nowMs();
    const connection = new LiveConnection({
      id: crypto.randomUUID(),
      rights,
      hasEventIds: request.hasEventIds,
      nowMs,
      closeAtMs: nowMs + liveCloseAfterMs,
      limitBytes: sseBufferBytes,
    });
    this.#enter(connection);
    signal.addEventListener("abort", () => connection.end(), { once: true });
    connection.endsWhenEmpty = request.endsWhenEmpty;
    connection.hasPatterns = request.patterns.length > 0;
    const { id } = connection;
    connection.send(encodeLiveEvent("open", { connection: id, maxStreams: maxLiveStreams }), nowMs);
    for (const [name, place] of request.ended) connection.noteEnded(name, place);
    for (const start of request.streams) {
      const entry = this.#add(connection, start, false, request.endedNames.has(start.name));
      connection.named.push(entry);
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
    connection.onPending = () => this.#schedule(connection);
    connection.owner = {
      serveFirst: (entry) => void this.#serveFirst(connection, entry),
      failed: (entry, error) => {
        entry.endedForNow = this.#isForNow(connection, error);
        this.#tellError(connection, entry, error);
      },
      ended: (entry) => {
        if (!entry.isCounted) return;
        this.#streams--;
        connection.remove(entry);
        this.#endIfEmpty(connection);
      },
    };
    let forgetPermit = () => {};
    connection.onEnd = () => {
      release();
      forgetPermit();
      this.#connections.delete(connection.id);
      this.#pending.delete(connection);
      this.#paced.delete(connection);
      this.#patterns.forget(connection);
      for (const entry of [...connection.entries.values()]) entry.end();
    };
    const { clock } = this.#config;
    forgetPermit = watchPermit(connection.permit, clock, (reason) => {
      this.#flush(connection);
      connection.isExpired = true;
      connection.send(connection.control(), clock.nowMs());
      connection.send(encodeUtf8(encodeCredentialExpired(reason)), clock.nowMs());
      connection.end();
    });
  }

  /** @param hasEnded whether it isn't begun, as its client knows its end */
  #add(
    connection: LiveConnection,
    start: LiveStart,
    isOther: boolean,
    hasEnded = false,
  ): LiveEntry {
    const entry = new LiveEntry(connection.owner, connection, start, isOther);
    if (hasEnded) {
      entry.hasEnded = true;
      return entry;
    }
    const rejection = this.#rejectionOf(connection, entry.name, isOther);
    if (rejection !== undefined) {
      entry.fail(rejection);
      return entry;
    }
    this.#streams++;
    entry.isCounted = true;
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

  /** Reads the first chunk of a stream, and has it sent. */
  async #serveFirst(connection: LiveConnection, entry: LiveEntry): Promise<void> {
    try {
      const first = await this.#readFirst(entry);
      if (entry.hasEnded) return;
      if (connection.mayPush) this.#begin(connection, entry, first);
      else connection.wait(entry);
    } catch (error) {
      entry.fail(error);
    } finally {
      connection.takeTurns();
    }
  }

  #begin(connection: LiveConnection, entry: LiveEntry, first: ReadResult): void {
    entry.position = first.start;
    entry.space = first.space;
    let topic = this.#topics.get(first.id);
    if (topic === undefined) {
      topic = new LiveTopic(this.#config.storage, entry.name, first, this.#forgetTopic);
      this.#topics.set(first.id, topic);
    }
    topic.add(entry);
    entry.topic = topic;
    entry.streamId = first.id;
    connection.tellAdded({
      stream: entry.name,
      tag: entry.tag,
      offset: formatOffset(first.space, first.start),
      contentType: first.contentType,
      upToDate: first.start === first.tail,
    });
    topic.deliver(first, [entry]);
    topic.follow(entry);
  }

  readonly #forgetTopic = ({ id }: LiveTopic) => void this.#topics.delete(id);

  /** Connections that come back at once ask for the same. */
  #readFirst({ name, from }: LiveEntry): Promise<ReadResult> {
    const key = `${JSON.stringify(from)} ${name}`;
    let read = this.#firstReads.get(key);
    if (read === undefined) {
      read = this.#config.storage.read(name, from, TURN_BYTES);
      this.#firstReads.set(key, read);
      const forget = () => this.#firstReads.delete(key);
      read.then(forget, forget);
    }
    return read;
  }

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

  #tellError(connection: LiveConnection, { name, tag }: LiveEntry, error: unknown): void {
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
    const { clock, livePaceMs } = this.#config;
    const isPaced = livePaceMs > 0 && clock.nowMs() - connection.sentAtMs < livePaceMs;
    if (isPaced && connection.hasRoom) {
      this.#paced.add(connection);
      this.#cancelPace ??= clock.setTimer(livePaceMs, () => this.#flushPaced());
      return;
    }
    this.#pending.add(connection);
    if (this.#pending.size === 1) setImmediate(() => this.#flushAll());
  }

  #flushPaced(): void {
    this.#cancelPace = undefined;
    const connections = [...this.#paced];
    this.#paced.clear();
    this.#flushThese(connections);
  }

  #flushAll(): void {
    const connections = [...this.#pending];
    this.#pending.clear();
    this.#flushThese(connections);
  }

  #flushThese(connections: readonly LiveConnection[]): void {
    const shared = new SharedChunks();
    for (const connection of connections) this.#flush(connection, shared);
  }

  #flush(connection: LiveConnection, shared = new SharedChunks()): void {
    const events = connection.takeEvents();
    if (events === undefined) return;
    connection.send(shared.join(events), this.#config.clock.nowMs());
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

/** The chunks of one turn: connections that follow the same get the same bytes, joined once. */
class SharedChunks {
  readonly #chunks = new Map<Bytes, { readonly events: readonly Bytes[]; readonly chunk: Bytes }>();

  join(events: readonly Bytes[]): Bytes {
    const [first] = events;
    const kept = first && this.#chunks.get(first);
    if (kept !== undefined && isSame(kept.events, events)) return kept.chunk;
    const chunk = concatBytes(events);
    if (first !== undefined) this.#chunks.set(first, { events, chunk });
    return chunk;
  }
}

function isSame(some: readonly Bytes[], others: readonly Bytes[]): boolean {
  return some.length === others.length && some.every((event, i) => event === others[i]);
}
