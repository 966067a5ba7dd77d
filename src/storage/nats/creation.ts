import type { Clock } from "../../env/clock.ts";
import { NO_BYTES } from "../../protocol/bytes.ts";
import { DEFAULT_CONTENT_TYPE, isJsonType } from "../../protocol/content_type.ts";
import { StreamError } from "../../protocol/errors.ts";
import { FOREVER } from "../../protocol/lifetime.ts";
import { positionOf, spaceAt } from "../../protocol/offset.ts";
import { checkSameConfig, toStored } from "../decide.ts";
import { checkForkSource, resolveForkPoint } from "../fork_point.ts";
import type { OffsetSpaces } from "../offset_spaces.ts";
import type { MessageCounts } from "../message_counts.ts";
import type { RangeReader } from "../range_reader.ts";
import type { ForkOrigin } from "../records.ts";
import type { Created, CreateSpec, ForkSpec } from "../storage.ts";
import { newPolicies } from "./retention/trims.ts";
import { type Endings, REFERENCE_GRACE_MS } from "./streams/endings.ts";
import type { Folder } from "./streams/folder.ts";
import type { Ids } from "./cluster/ids.ts";
import type { LoadedStreams } from "./streams/loaded_streams.ts";
import type { MessageWriter } from "./streams/message_writer.ts";
import { withOwnData } from "./format/message.ts";
import type { NameRecord } from "./format/name_record.ts";
import type { Names } from "./cluster/names.ts";
import { NatsStream } from "./streams/nats_stream.ts";
import { newMessage } from "./streams/new_message.ts";
import type { NatsSettings } from "./options.ts";
import type { Publisher } from "./cluster/publisher.ts";
import { isFree, missing, type StreamDirectory } from "./streams/stream_directory.ts";
import type { StreamLoader } from "./streams/stream_loader.ts";
import type { StreamQueue } from "./streams/stream_queue.ts";
import type { Subjects } from "./cluster/subjects.ts";
import { outcomeUnknown } from "./cluster/unreachable.ts";

/** So often is a create begun anew since others made or deleted what it is about. */
const MOST_ATTEMPTS = 100;
/** A fork's name isn't written later than this after its source knew of it. */
const FORK_LIMIT_MS = REFERENCE_GRACE_MS / 2;

/** What a {@link Creation} works on. */
export interface CreationParts {
  readonly settings: NatsSettings;
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly publisher: Publisher;
  readonly writer: MessageWriter;
  readonly folder: Folder;
  readonly ids: Ids;
  readonly names: Names;
  readonly loaded: LoadedStreams;
  readonly loader: StreamLoader;
  readonly directory: StreamDirectory;
  readonly endings: Endings;
  readonly spaces: OffsetSpaces;
  readonly reader: RangeReader;
  readonly counts: MessageCounts;
  readonly shards: number;
  queueOf(stream: NatsStream): StreamQueue;
  /** Puts a stream into memory that was just made. */
  add(stream: NatsStream): void;
}

interface ForkBase {
  readonly source: NatsStream;
  readonly origin: ForkOrigin;
}

/**
 * Makes streams: the source of a fork is told first, then comes the stream's first message, and last its
 * name's record, which decides who of several has made it. Before that nobody can find the stream.
 */
export class Creation {
  readonly #parts: CreationParts;

  constructor(parts: CreationParts) {
    this.#parts = parts;
  }

  /** As `Storage.create`. */
  async create(name: string, spec: CreateSpec): Promise<Created> {
    const { directory, endings } = this.#parts;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const found = await directory.find(name);
      if (!isFree(found)) {
        if (found.lifecycle === "soft_deleted") {
          await endings.prune(found);
          // The last reference was none: the name is free.
          if (found.lifecycle !== "soft_deleted") continue;
        }
        return this.#confirm(found, spec);
      }
      const stream = await this.#make(name, spec, found.freeSequence);
      if (stream === undefined) continue;
      const { contentType, tail, closed } = stream;
      const space = spaceAt(this.#parts.spaces.of(stream), tail);
      return { created: true, contentType, space, tail, closed };
    }
    throw new StreamError(
      { code: "overloaded" },
      "Others make and delete this stream all the time.",
    );
  }

  /** The answer where the stream is there already. */
  #confirm(stream: NatsStream, spec: CreateSpec): Created {
    const { contentType, tail, closed } = stream;
    const space = this.#parts.spaces.of(stream);
    checkSameConfig(stream, spec, stream.source?.lifetime ?? FOREVER, space);
    return { created: false, contentType, space: spaceAt(space, tail), tail, closed };
  }

  /** `undefined` where somebody else was first, or the source has gone meanwhile. */
  async #make(
    name: string,
    spec: CreateSpec,
    nameSequence: number,
  ): Promise<NatsStream | undefined> {
    const { ids, clock, endings } = this.#parts;
    const fork = spec.fork && await this.#fork(spec, spec.fork);
    const policies = newPolicies(spec, fork?.source);
    const contentType = spec.contentType ?? fork?.source.contentType ?? DEFAULT_CONTENT_TYPE;
    const { bytes: data, ends } = spec.body === undefined || spec.body.length === 0
      ? { bytes: NO_BYTES, ends: [] }
      : toStored(isJsonType(contentType), spec.body);
    // A fork's own offsets come after its source's, and spaces are in the order of ids.
    const id = await ids.newId(fork?.source.id ?? 0);
    const begun: NameRecord = {
      kind: "name",
      id,
      name,
      shard: 1 + id % this.#parts.shards,
      createdAtMs: clock.nowMs(),
      contentType,
      lifetime: spec.lifetime ?? fork?.source.lifetime ?? FOREVER,
      fork: fork?.origin,
      ...(policies === undefined ? {} : { policies }),
    };
    const earliest = fork === undefined ? 0 : await this.#reference(fork, begun);
    if (earliest === undefined) return undefined;
    const record = earliest === 0 ? begun : { ...begun, earliest };
    const stream = new NatsStream(record, 0);
    if (fork !== undefined) this.#parts.loaded.setSource(stream, fork.source);
    try {
      const content = { data, messages: ends.length, closed: spec.closed ?? false };
      await this.#storeFirst(stream, content, record.createdAtMs);
      return await this.#name(stream, record, nameSequence) ? stream : undefined;
    } catch (error) {
      // Where the name's record may be stored, also later, the stream has to stay as it is: the client that
      // comes again finds it, or somebody else's.
      if (!(error instanceof UnknownCreate)) await endings.undo(stream).catch(() => {});
      throw error instanceof UnknownCreate ? error.reason : error;
    }
  }

  async #fork(spec: CreateSpec, fork: ForkSpec): Promise<ForkBase> {
    const { directory, reader, spaces } = this.#parts;
    const found = await directory.find(fork.source);
    if (isFree(found)) throw missing(fork.source, found);
    checkForkSource(found, spec);
    const point = await resolveForkPoint(reader, found, fork, spaces.of(found));
    const origin = {
      sourceId: found.id,
      sourceName: found.name,
      offset: fork.offset && positionOf(fork.offset),
      subOffset: fork.subOffset ?? 0,
      point,
    };
    const messages = await this.#messagesBefore(found, point);
    return { source: found, origin: messages === undefined ? origin : { ...origin, messages } };
  }

  /** How many messages a fork's numbers go on from; `undefined` where its source's aren't counted. */
  async #messagesBefore(source: NatsStream, point: number): Promise<number | undefined> {
    if (point === source.tail) return source.visibleMessages;
    try {
      return (await this.#parts.counts.before(source, point)).messages;
    } catch (error) {
      // What is damaged of the source is for who reads it.
      const codes: readonly string[] = ["ordinals_unsupported", "damaged"];
      if (error instanceof StreamError && codes.includes(error.code)) return undefined;
      throw error;
    }
  }

  /**
   * Lets the source know of a fork, so that it stays, with all that the fork begins with: where that begins.
   * `undefined` where the source is gone, or the fork point was trimmed meanwhile.
   */
  async #reference(
    { source, origin }: ForkBase,
    { id, name }: NameRecord,
  ): Promise<number | undefined> {
    let earliest = 0;
    const event = await this.#parts.queueOf(source).record(() => {
      if (source.lifecycle !== "there" || origin.point < source.earliest) return undefined;
      earliest = source.earliest;
      return { kind: "fork_added", forkId: id, forkName: name };
    });
    return event === undefined ? undefined : earliest;
  }

  async #storeFirst(
    stream: NatsStream,
    { data, messages: count, closed }: {
      readonly data: Uint8Array<ArrayBuffer>;
      readonly messages: number;
      readonly closed: boolean;
    },
    nowMs: number,
  ): Promise<void> {
    const { writer, publisher, subjects, settings, folder, loader } = this.#parts;
    const append = { lengthBytes: data.length, producer: undefined, seq: undefined, close: false };
    const messages = writer.appends(
      stream,
      { appends: data.length === 0 ? [] : [append], data: [data], messages: count, closed },
      nowMs,
      settings.jetStream.messageLimitBytes,
    );
    const toStore = messages.map((message) => newMessage(subjects, stream, message));
    const published = await publisher.publish(toStore);
    if (published.kind === "failed") throw published.error;
    const [first] = messages;
    const [only] = toStore;
    const isOnly = first !== undefined && only !== undefined && toStore.length === 1;
    if (published.kind === "stored" && isOnly) {
      folder.fold(stream, withOwnData(first, only.payload), published.sequence);
      return;
    }
    // Nobody else writes to an id of this front end's: what is there is its own earlier attempt.
    await loader.confirm(stream);
    if (stream.sequence === 0) {
      throw outcomeUnknown("the first message of the stream is neither there nor taken.");
    }
  }

  /**
   * What became of a name's record of which an attempt may have been stored: its sequence, or `undefined`
   * where it never was; then it never will be, since another record stands where it would have to.
   */
  async #seek(stream: NatsStream): Promise<number | undefined> {
    const { names, loader } = this.#parts;
    try {
      const now = await names.find(stream.name);
      if (now.record?.id === stream.id) return now.sequence;
      // Nobody ends a stream but by its name: if it is gone, the name was its own. To begin anew would
      // undo that delete.
      await loader.confirm(stream);
      return stream.lifecycle === "deleted" ? now.sequence : undefined;
    } catch (error) {
      throw error instanceof StreamError ? new UnknownCreate(error) : error;
    }
  }

  /** Writes the name's record; false where another one is there. */
  async #name(
    stream: NatsStream,
    record: NameRecord,
    expectedSequence: number,
  ): Promise<boolean> {
    const { names, clock, endings, loader, add } = this.#parts;
    const { source } = stream;
    if (source !== undefined && clock.nowMs() - record.createdAtMs > FORK_LIMIT_MS) {
      // This front end stood still: others may take the reference for a left one by now.
      await endings.undo(stream);
      return false;
    }
    const published = await names.put(record, expectedSequence);
    if (published.kind === "failed") {
      throw published.mayBeStored ? new UnknownCreate(published.error) : published.error;
    }
    const sequence = published.kind === "stored"
      ? published.sequence
      : published.mayBeOurs
      ? await this.#seek(stream)
      : undefined;
    if (sequence === undefined) {
      await endings.undo(stream);
      return false;
    }
    stream.nameSequence = sequence;
    // It was there, and somebody has deleted it since.
    if (stream.lifecycle === "deleted") return true;
    try {
      if (source !== undefined) await loader.confirm(source);
      if (source === undefined || source.forks.has(stream.id)) {
        add(stream);
        return true;
      }
      // The reference was taken for a left one, after all: without it the source may be gone.
      await endings.end(stream, () => true);
      return false;
    } catch (error) {
      // Others see the stream by now: it must not be undone.
      throw error instanceof StreamError ? new UnknownCreate(error) : error;
    }
  }
}

/** The name's record may be stored. */
class UnknownCreate extends Error {
  readonly reason: StreamError;

  constructor(reason: StreamError) {
    super(reason.message);
    this.reason = reason;
  }
}
