import { NOTHING_KEPT } from "./format/kept_snapshot.ts";
import type { Clock } from "../../env/clock.ts";
import { StreamError } from "../../protocol/errors.ts";
import { FOREVER } from "../../protocol/lifetime.ts";
import { internString } from "../copy_string.ts";
import { listedStream } from "../describe.ts";
import type { OffsetSpaces } from "../offset_spaces.ts";
import { OrderedNames } from "../ordered_names.ts";
import type { ListedStream, ListPage, ListRequest } from "../storage.ts";
import { yieldToEventLoop } from "../yield_to_event_loop.ts";
import { MalformedFrame } from "./format/binary.ts";
import { type Follower, type JetStream, JetStreamError, type StoredMessage } from "./jetstream.ts";
import type { LoadedStreams } from "./streams/loaded_streams.ts";
import { isEnd, type StreamMessage } from "./format/message.ts";
import { decodeNameEntry, type NameRecord } from "./format/name_record.ts";
import { NatsStream } from "./streams/nats_stream.ts";
import { newestMessage } from "./streams/newest_message.ts";
import type { NatsSettings } from "./options.ts";
import type { StreamDirectory } from "./streams/stream_directory.ts";
import type { StreamLoader } from "./streams/stream_loader.ts";
import type { Subjects } from "./cluster/subjects.ts";
import { toStreamError } from "./cluster/unreachable.ts";

/** So many streams are asked for at once. */
const AT_ONCE = 32;
/** Names that are looked at for a page beyond those asked for. */
const EXTRA_LOOKS = 1000;
/** An index that nobody uses for so long is let go of. */
const UNUSED_MS = 600_000;

/** What a {@link Listing} works on. */
export interface ListingParts {
  readonly settings: NatsSettings;
  readonly clock: Clock;
  readonly jetStream: JetStream;
  readonly subjects: Subjects;
  readonly loaded: LoadedStreams;
  readonly loader: StreamLoader;
  readonly directory: StreamDirectory;
  readonly spaces: OffsetSpaces;
  isOver(stream: NatsStream, nowMs: number): boolean;
}

interface Listed {
  readonly record: NameRecord;
  readonly sequence: number;
}

/** The names as the log of names has them, in order: made when somebody lists, and followed from then on. */
class NameIndex {
  readonly names = new OrderedNames<Listed>();
  readonly follower: Follower;
  /** Why it can't be used. */
  failure: StreamError | undefined;
  usedAtMs = 0;
  /** Set once it has all that there was: what comes then is new. */
  isComplete = false;
  readonly #onHeard: () => void;
  readonly #limit: number;

  constructor(jetStream: JetStream, subjects: Subjects, limit: number, onHeard: () => void) {
    this.#limit = limit;
    this.#onHeard = onHeard;
    this.follower = jetStream.follow(
      { log: subjects.namesLog, fromSequence: 1, isLastOfEach: true },
      (message) => this.#take(message),
    );
  }

  #take({ payload, sequence }: StoredMessage): void {
    if (this.isComplete) this.#onHeard();
    try {
      const entry = decodeNameEntry(payload);
      if (entry.kind === "tombstone") this.names.delete(entry.name);
      else this.names.set(entry.name, { record: compact(entry), sequence });
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.failure = new StreamError(
        { code: "damaged" },
        `A name's record, message ${sequence}, is malformed: ${error.message}.`,
      );
    }
    if (this.names.size <= this.#limit) return;
    this.names.clear();
    this.failure = new StreamError(
      { code: "overloaded" },
      `There are more than ${this.#limit} streams, and no more names than that are listed ` +
        "(--nats-listed-names).",
    );
  }
}

/** Lists streams in the order of their names, which the cluster doesn't know. */
export class Listing {
  readonly #parts: ListingParts;
  #index: NameIndex | undefined;
  #changes = 0;

  constructor(parts: ListingParts) {
    this.#parts = parts;
  }

  /** Counts up as names come and go while there is an index, and as it is let go of: nobody hears of them then. */
  get changes(): number {
    return this.#changes;
  }

  /** As `Storage.list`. */
  async list({ prefix = "", after = "", limit }: ListRequest): Promise<ListPage> {
    const index = await this.#current();
    await index.names.sort(yieldToEventLoop);
    const streams: ListedStream[] = [];
    let last = after;
    for (let looked = 0; looked <= limit + EXTRA_LOOKS;) {
      const some: { name: string; value: Listed }[] = [];
      const wanted = Math.max(AT_ONCE, limit + 1 - streams.length);
      for (const one of index.names.range({ prefix, after: last })) {
        some.push(one);
        if (some.length === wanted) break;
      }
      if (some.length === 0) return { streams, next: undefined };
      for (let at = 0; at < some.length; at += AT_ONCE) {
        const slice = some.slice(at, at + AT_ONCE);
        const rows = await Promise.all(slice.map(({ value }) => this.#row(value)));
        for (const [i, row] of rows.entries()) {
          if (row !== undefined) {
            if (streams.length === limit) return { streams, next: streams.at(-1)?.name };
            streams.push(row);
          }
          last = slice[i]?.name ?? last;
        }
      }
      looked += some.length;
    }
    return { streams, next: last };
  }

  /** To be called about once a second. */
  tick(): void {
    const index = this.#index;
    if (index === undefined) return;
    const isUnused = this.#parts.clock.nowMs() - index.usedAtMs > UNUSED_MS;
    if (isUnused || index.failure !== undefined) void this.stop();
  }

  /** Lets go of the index. */
  async stop(): Promise<void> {
    const index = this.#index;
    this.#index = undefined;
    if (index !== undefined) this.#changes++;
    await index?.follower.stop();
  }

  /** The index as of a moment after the call. */
  async #current(): Promise<NameIndex> {
    const { jetStream, subjects, settings, clock } = this.#parts;
    const index = this.#index ??= new NameIndex(
      jetStream,
      subjects,
      settings.maxListedNames,
      () => this.#changes++,
    );
    index.usedAtMs = clock.nowMs();
    try {
      await index.follower.caughtUp();
    } catch (error) {
      // One that couldn't take a name lacks it for ever; another one may have its place by now.
      if (!(error instanceof JetStreamError) && this.#index === index) await this.stop();
      throw toStreamError(error);
    }
    if (index.failure !== undefined) throw index.failure;
    index.isComplete = true;
    return index;
  }

  /** A stream as it is now; `undefined` where it can't be read. Listing it is no use of it. */
  async #row({ record, sequence }: Listed): Promise<ListedStream | undefined> {
    const { loaded, loader, clock, isOver, spaces } = this.#parts;
    let stream = loaded.byId(record.id);
    if (stream === undefined) stream = await this.#summary(record, sequence);
    else await loader.confirm(stream);
    if (stream?.lifecycle !== "there" || isOver(stream, clock.nowMs())) return undefined;
    return listedStream(stream, spaces.of(stream));
  }

  /** A stream that isn't in memory, as far as a listing shows it. */
  async #summary(record: NameRecord, sequence: number): Promise<NatsStream | undefined> {
    // Which spaces a fork's offsets are of, its sources say.
    if (record.fork !== undefined) return await this.#parts.directory.load(record, sequence);
    const { jetStream, subjects } = this.#parts;
    const newest = await newestMessage(jetStream, subjects, record);
    // What is left of it, its messages together say.
    if (newest?.hasRetention === true) return await this.#parts.directory.load(record, sequence);
    return newest && summaryOf(record, newest);
  }
}

/** A stream as its newest message leaves it: not all of its state, but all that is listed of it. */
function summaryOf(record: NameRecord, message: StreamMessage): NatsStream {
  const data = message.kind === "appends" || message.kind === "part" ? message.data.length : 0;
  const stream = new NatsStream(record, 0, {
    id: record.id,
    sequence: 0,
    firstSequence: 0,
    tail: message.start + data,
    atMs: message.atMs,
    accessedAtMs: message.accessedAtMs,
    accessedBy: message.frontEnd,
    isClosed: message.isClosed,
    isSoftlyDeleted: message.isSoftlyDeleted,
    closedBy: undefined,
    seq: undefined,
    producers: new Map(),
    forks: new Map(),
    kept: NOTHING_KEPT,
    messages: message.counts && message.counts.before + message.counts.count,
  });
  if (isEnd(message)) stream.lifecycle = "deleted";
  return stream;
}

/** A record that takes little memory: most have much in common. */
function compact(record: NameRecord): NameRecord {
  const { contentType, lifetime } = record;
  return {
    ...record,
    contentType: internString(contentType),
    lifetime: lifetime.kind === "forever" ? FOREVER : lifetime,
  };
}
