import { NO_BYTES } from "../protocol/bytes.ts";
import { DEFAULT_CONTENT_TYPE, isJsonType } from "../protocol/content_type.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { FOREVER } from "../protocol/lifetime.ts";
import { formatOffset, isOffset, positionOf, type ReadFrom, spaceAt } from "../protocol/offset.ts";
import type { Clock } from "../env/clock.ts";
import { bodyLength, type FileBodyKind } from "../env/file_body.ts";
import { mapAwaitable } from "./map_awaitable.ts";
import type { Backend } from "./backend.ts";
import type { Blocks } from "./blocks.ts";
import { checkProducerRoom, checkSameConfig, decideAppend, toStored } from "./decide.ts";
import { checkForkSource, resolveForkPoint } from "./fork_point.ts";
import { takePage } from "./list_page.ts";
import { checkSpace, OffsetSpaces } from "./offset_spaces.ts";
import { copyString } from "./copy_string.ts";
import { RangeReader } from "./range_reader.ts";
import type { CreateRecord, DeleteRecord, ForkOrigin } from "./records.ts";
import type { StorageStatus } from "./status.ts";
import type {
  Appended,
  AppendRequest,
  BodyResult,
  Created,
  CreateSpec,
  ForkSpec,
  ListPage,
  ListRequest,
  ReadResult,
  Storage,
  StreamInfo,
  Watch,
} from "./storage.ts";
import type { Stream } from "./stream.ts";

/** What an engine needs beside its backend. */
export interface EngineOptions {
  clock: Clock;
  /** How many producers a stream may have. */
  maxProducersPerStream: number;
}

/** Where a read begins, and what the stream was then. */
interface ReadStart {
  stream: Stream;
  info: StreamInfo;
  start: number;
}

/** What a fork begins with. */
interface ForkBase {
  source: Stream;
  origin: ForkOrigin;
}

/**
 * The storage, whatever it keeps its streams in: validates, decides and records each command with
 * nothing in between, and answers when what the answer rests on is durable.
 */
export class StreamEngine implements Storage {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #maxProducers: number;
  readonly #spaces: OffsetSpaces;
  readonly #reader: RangeReader;
  /** Position of the newest delete. */
  #deleteLsn = 0;

  constructor(backend: Backend, blocks: Blocks, options: EngineOptions) {
    this.#backend = backend;
    this.#clock = options.clock;
    this.#maxProducers = options.maxProducersPerStream;
    this.#spaces = new OffsetSpaces(backend);
    this.#reader = new RangeReader(backend, blocks, this.#spaces);
  }

  get identity(): string {
    return this.#backend.identity;
  }

  async create(name: string, spec: CreateSpec): Promise<Created> {
    for (let gate; (gate = this.#backend.admit("write", spec.body?.length ?? 0));) await gate;
    const existing = this.#find(name);
    if (existing !== undefined) return await this.#confirm(existing, spec);
    let record: CreateRecord;
    try {
      const fork = spec.fork && await this.#forkOrigin(spec, spec.fork);
      // Decided again after the wait: the name may be taken by now, or the source gone.
      if (fork !== undefined && !this.#stillHolds(name, fork)) return await this.create(name, spec);
      record = this.#createRecord(name, spec, fork);
    } catch (refusal) {
      // It may rest on the source as it is now, and does on that there is no stream of this name.
      await this.#backend.durable(this.#backend.assignedLsn);
      throw refusal;
    }
    const stream = this.#backend.create(record);
    const { contentType, tail, closed } = stream;
    const space = spaceAt(this.#spaces.of(stream), tail);
    await this.#backend.durable(stream.lsn);
    return { created: true, contentType, space, tail, closed };
  }

  // Without `async`, here and below: what it adds to each append is a tenth of what the engine costs.
  append(name: string, request: AppendRequest): Promise<Appended> {
    try {
      const gate = this.#backend.admit("write", request.body.length);
      return gate === undefined
        ? this.#append(name, request)
        : gate.then(() => this.append(name, request));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #append(name: string, request: AppendRequest): Promise<Appended> {
    const stream = this.#find(name);
    if (stream === undefined || stream.lifecycle !== "there") {
      return this.#rejectMissing(name, stream);
    }
    const space = this.#spaces.of(stream);
    const { producer } = request;
    const known = producer && this.#backend.producer(stream, producer.id);
    let decided;
    try {
      decided = decideAppend(stream, known, request, this.#clock.nowMs(), space);
      if (producer !== undefined && known === undefined) {
        checkProducerRoom(stream, this.#maxProducers);
      }
    } catch (refusal) {
      return this.#reject(refusal, stream);
    }
    if (decided === "duplicate") this.#accessed(stream);
    else this.#backend.append(stream, decided);
    const { tail, closed } = stream;
    const spaceOfTail = spaceAt(space, tail);
    const appended = decided === "duplicate"
      ? { space: spaceOfTail, tail, closed, duplicate: true, producer: known }
      : { space: spaceOfTail, tail, closed, duplicate: false, producer };
    const durable = this.#backend.durable(stream.lsn);
    return durable === undefined ? Promise.resolve(appended) : durable.then(() => appended);
  }

  async #rejectMissing(name: string, stream: Stream | undefined): Promise<never> {
    throw await this.#missing(name, stream);
  }

  /** Where the state that a refusal rests on never becomes durable, that is the answer instead. */
  async #reject(refusal: unknown, stream: Stream): Promise<never> {
    await this.#backend.durable(stream.lsn);
    throw refusal;
  }

  async delete(name: string): Promise<void> {
    for (let gate; (gate = this.#backend.admit("delete", 0));) await gate;
    const stream = this.#find(name);
    if (stream === undefined || stream.lifecycle !== "there") {
      throw await this.#missing(name, stream);
    }
    this.#remove(stream);
    await this.#backend.durable(stream.lsn);
  }

  async head(name: string): Promise<StreamInfo> {
    const stream = await this.#visible(name);
    return stream.infoIn(this.#spaces.of(stream));
  }

  async read(name: string, from: ReadFrom, limitBytes: number): Promise<ReadResult> {
    try {
      const { stream, info, start } = await this.#startRead(name, from);
      const data = await this.#reader.chunk(stream, start, limitBytes, info.tail);
      return { ...info, data, start, next: start + data.length };
    } catch (refusal) {
      return await this.#rejectRead(refusal);
    }
  }

  readBody(
    name: string,
    from: ReadFrom,
    limitBytes: number,
    kind: FileBodyKind,
  ): BodyResult | Promise<BodyResult> {
    const refuse = (refusal: unknown) => this.#rejectRead(refusal);
    try {
      const body = mapAwaitable(
        this.#startRead(name, from),
        ({ stream, info, start }) =>
          mapAwaitable(
            this.#reader.body(stream, start, limitBytes, info.tail, kind),
            (data) => ({ ...info, data, start, next: start + bodyLength(data) }),
          ),
      );
      return body instanceof Promise ? body.catch(refuse) : body;
    } catch (refusal) {
      return refuse(refusal);
    }
  }

  /** A read rests on durable state, but for a stream that goes meanwhile: that has to be for good. */
  async #rejectRead(refusal: unknown): Promise<never> {
    await this.#backend.durable(this.#deleteLsn);
    throw refusal;
  }

  #startRead(name: string, from: ReadFrom): ReadStart | Promise<ReadStart> {
    return mapAwaitable(this.#visible(name), (stream) => {
      this.#accessed(stream);
      const info = stream.infoIn(this.#spaces.of(stream));
      checkSpace("The offset", from, info.space);
      return mapAwaitable(
        this.#readPosition(stream, from, info.tail),
        (start) => {
          if (start <= info.tail) return { stream, info, start };
          throw new StreamError(
            { code: "offset_past_tail" },
            `The offset ${formatOffset(info.space, start)} is past the stream's tail, ${
              formatOffset(info.space, info.tail)
            }.`,
          );
        },
      );
    });
  }

  async list({ prefix = "", after = "", limit }: ListRequest): Promise<ListPage> {
    const nowMs = this.#clock.nowMs();
    const streams = this.#backend.list({ prefix, after }, limit + 1);
    const page = takePage(
      streams,
      limit,
      (stream) =>
        stream.lifecycle === "there" && !stream.isExpired(nowMs) &&
        this.#backend.isDurable(stream.lifecycleLsn),
      this.#spaces.forListing(),
    );
    // What it leaves out because it was deleted has to be gone for good.
    await this.#backend.durable(this.#deleteLsn);
    return page;
  }

  async watch(name: string, onChange: () => void): Promise<Watch> {
    const stream = await this.#visible(name);
    const cancel = stream.watch(onChange);
    return {
      cancel: () => {
        cancel();
        this.#accessed(stream);
      },
    };
  }

  status(): StorageStatus {
    return this.#backend.status();
  }

  close(limitMs?: number): Promise<void> {
    return this.#backend.close(limitMs);
  }

  /** Records that streams are gone whose time is over, of those with these ids. */
  expire(ids: readonly number[]): void {
    for (const id of ids) {
      const stream = this.#backend.loadIfThere(id);
      if (stream?.lifecycle !== "there" || !stream.isExpired(this.#clock.nowMs())) continue;
      this.#remove(stream);
    }
  }

  /** The stream of this name as commands see it; one whose time is over goes now. */
  #find(name: string): Stream | undefined {
    const stream = this.#backend.find(name);
    if (stream === undefined || stream.lifecycle !== "there") return stream;
    if (!stream.isExpired(this.#clock.nowMs())) return stream;
    this.#remove(stream);
    return this.#backend.find(name);
  }

  /** The stream of this name as readers see it: whether it is there at all is durable. */
  #visible(name: string): Stream | Promise<Stream> {
    const stream = this.#find(name);
    if (stream === undefined || stream.lifecycle !== "there") {
      return this.#missing(name, stream).then((refusal) => {
        throw refusal;
      });
    }
    const durable = this.#backend.durable(stream.lifecycleLsn);
    return durable === undefined ? stream : durable.then(() => this.#visible(name));
  }

  /** Where a read begins. */
  #readPosition(stream: Stream, from: ReadFrom, tail: number): number | Promise<number> {
    if (isOffset(from)) return positionOf(from);
    if (from === "now") return tail;
    if ("sinceMs" in from) return this.#reader.since(stream, from.sinceMs, tail);
    return this.#reader.boundaryBefore(stream, Math.max(0, tail - from.lastBytes));
  }

  /** The refusal for a name without a stream, once that is durable. */
  async #missing(name: string, stream: Stream | undefined): Promise<StreamError> {
    await this.#backend.durable(stream?.lifecycleLsn ?? this.#backend.assignedLsn);
    return stream === undefined
      ? new StreamError({ code: "not_found" }, `There is no stream ${quote(name)}.`)
      : new StreamError(
        { code: "gone" },
        `The stream ${quote(name)} was deleted; only its forks still read it.`,
      );
  }

  /** The answer of a create whose stream is there already. */
  async #confirm(stream: Stream, spec: CreateSpec): Promise<Created> {
    const { contentType, tail, closed } = stream;
    const space = this.#spaces.of(stream);
    try {
      const source = stream.fork && this.#backend.load(stream.fork.sourceId);
      checkSameConfig(stream, spec, source?.lifetime ?? FOREVER, space);
    } catch (refusal) {
      await this.#backend.durable(stream.lsn);
      throw refusal;
    }
    await this.#backend.durable(stream.lsn);
    return { created: false, contentType, space: spaceAt(space, tail), tail, closed };
  }

  #createRecord(name: string, spec: CreateSpec, fork: ForkBase | undefined): CreateRecord {
    const contentType = spec.contentType ?? fork?.source.contentType ?? DEFAULT_CONTENT_TYPE;
    return {
      kind: "create",
      id: this.#backend.newId(),
      atMs: this.#clock.nowMs(),
      name: copyString(name),
      contentType,
      lifetime: spec.lifetime ?? fork?.source.lifetime ?? FOREVER,
      fork: fork?.origin,
      closed: spec.closed ?? false,
      data: spec.body === undefined || spec.body.length === 0
        ? NO_BYTES
        : toStored(isJsonType(contentType), spec.body).bytes,
    };
  }

  /** Where a fork branches off. */
  async #forkOrigin(spec: CreateSpec, fork: ForkSpec): Promise<ForkBase> {
    const source = this.#find(fork.source);
    if (source === undefined) throw await this.#missing(fork.source, source);
    checkForkSource(source, spec);
    const point = await resolveForkPoint(this.#reader, source, fork, this.#spaces.of(source));
    const origin = {
      sourceId: source.id,
      sourceName: source.name,
      offset: fork.offset && positionOf(fork.offset),
      subOffset: fork.subOffset ?? 0,
      point,
    };
    return { source, origin };
  }

  /** Whether the name is free and the source there, just as a fork found them. */
  #stillHolds(name: string, { source }: ForkBase): boolean {
    if (this.#backend.find(name) !== undefined) return false;
    const now = this.#find(source.name);
    return now?.id === source.id && now.lifecycle === "there";
  }

  /** Records that a stream goes, and with it those above it that only it still held. */
  #remove(stream: Stream): void {
    const streams = [stream];
    const soft = stream.forkCount > 0;
    for (let last = stream; !soft && last.fork !== undefined;) {
      last = this.#backend.load(last.fork.sourceId);
      if (last.lifecycle !== "soft_deleted" || last.forkCount > 1) break;
      streams.push(last);
    }
    const record: DeleteRecord = {
      kind: "delete",
      atMs: this.#clock.nowMs(),
      soft,
      ids: streams.map(({ id }) => id),
    };
    this.#backend.remove(record, streams);
    this.#deleteLsn = stream.lsn;
  }

  #accessed(stream: Stream): void {
    if (stream.lifetime.kind !== "ttl" || stream.lifecycle !== "there") return;
    stream.accessedAtMs = Math.max(stream.accessedAtMs, this.#clock.nowMs());
    this.#backend.accessed(stream);
  }
}
