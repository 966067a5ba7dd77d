import { NO_BYTES } from "../protocol/bytes.ts";
import { DEFAULT_CONTENT_TYPE, isJsonType } from "../protocol/content_type.ts";
import { checkCompaction } from "../protocol/compaction_policy.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { FOREVER } from "../protocol/lifetime.ts";
import { type Offset, type ReadFrom, spaceAt } from "../protocol/offset.ts";
import type { Clock } from "../env/clock.ts";
import type { FileBodyKind } from "../env/file_body.ts";
import type { TraceContext } from "../tracing/trace_context.ts";
import { mapAwaitable } from "./map_awaitable.ts";
import type { Admission } from "./admission.ts";
import { applyAppend, applyCreate, applyDelete } from "./apply.ts";
import type { CountedBlocks } from "./blocks.ts";
import { checkProducerRoom, checkSameConfig, decideAppend, toStored } from "./decide.ts";
import { checkForkSource } from "./fork_point.ts";
import { type Journal, NO_OTHERS } from "./journal.ts";
import { describeStream } from "./describe.ts";
import { takePage } from "./list_page.ts";
import { MessageCounts } from "./message_counts.ts";
import { checkReached, checkSpace, type OffsetSpaces } from "./offset_spaces.ts";
import { copyString } from "./copy_string.ts";
import { RangeReader } from "./range_reader.ts";
import { ReadPositions } from "./read_positions.ts";
import type { CommandCounts, StorageMeasures } from "./measures.ts";
import type { Quota, QuotaOptions } from "./quota_account.ts";
import { bothObservers, type Quotas } from "./quotas.ts";
import type { AppendRecord, CreateRecord, DeleteRecord, ForkOrigin } from "./records.ts";
import { type RetentionRule, RetentionRules } from "./retention_rules.ts";
import { type SnapshotBodies, Snapshots } from "./snapshots.ts";
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
  MessageCount,
  ReadResult,
  Storage,
  StorageKind,
  StreamChange,
  StreamDescription,
  StreamInfo,
  Updated,
  Watch,
} from "./storage.ts";
import type { Stream } from "./stream.ts";
import type { StreamObserver } from "./stream_observer.ts";
import { type DescribedStreams, missingSource } from "./streams.ts";
import type { SubscriptionStore } from "./subscription_store.ts";
import { TrimPoints } from "./trim_points.ts";
import { type RetentionParts, Updates } from "./updates.ts";

/** What an engine works on: what a storage keeps its streams in has one of each. */
export interface EngineParts<S extends Stream> {
  /** As in `Storage.identity`. */
  identity: string;
  /** As in `Storage.kind`. */
  kind: StorageKind;
  clock: Clock;
  /** How many producers a stream may have. */
  maxProducersPerStream: number;
  admission: Admission;
  journal: Journal<S>;
  streams: DescribedStreams<S>;
  blocks: CountedBlocks;
  spaces: OffsetSpaces;
  /** The subscriptions to these streams. */
  subscriptions: SubscriptionStore & StreamObserver<S>;
  /** Where the bodies of their snapshots are; `undefined` where none are kept. */
  snapshots: SnapshotBodies<S> | undefined;
  /** How much may be stored, where that is limited. */
  quotas: Quotas;
  /** How less than all of them is kept. */
  retention: RetentionParts<S>;
  /** Counts what is stored already under these. */
  countQuotas(added: readonly Quota[]): void;
  /** Called for a stream that was made and ends by itself. */
  onExpiring(stream: S): void;
  /** As in `Storage.status`. */
  status(): StorageStatus;
  /** As in `Storage.measure`, with what the engine has counted. */
  measure(commands: CommandCounts): StorageMeasures;
  /** As in `Storage.close`. */
  close(limitMs?: number): Promise<void>;
}

/** Where a read begins, and what the stream was then. */
interface ReadStart {
  stream: Stream;
  info: StreamInfo;
  start: number;
}

/** What a fork begins with. */
interface ForkBase<S> {
  source: S;
  origin: ForkOrigin;
}

/**
 * The storage, whatever it keeps its streams in: validates and decides each command, appends its record
 * to the journal, applies it and marks its streams dirty, with nothing in between; and answers when what
 * the answer rests on is durable.
 */
export class StreamEngine<S extends Stream> implements Storage {
  readonly subscriptions: SubscriptionStore;
  readonly snapshots?: Snapshots<S>;
  readonly #parts: EngineParts<S>;
  #observer: StreamObserver<S>;
  /** Unless there are none. */
  #quotas: Quotas | undefined;
  readonly #admission: Admission;
  readonly #journal: Journal<S>;
  readonly #streams: DescribedStreams<S>;
  readonly #clock: Clock;
  readonly #spaces: OffsetSpaces;
  readonly #reader: RangeReader;
  readonly #counts: MessageCounts;
  readonly #positions: ReadPositions;
  readonly #updates: Updates<S>;
  /** LSN of the newest delete. */
  #deleteLsn = 0;
  #appends = 0;
  #appendedBytes = 0;
  #created = 0;
  #deleted = 0;

  constructor(parts: EngineParts<S>) {
    this.#parts = parts;
    this.#admission = parts.admission;
    this.#journal = parts.journal;
    this.#streams = parts.streams;
    this.#clock = parts.clock;
    this.#spaces = parts.spaces;
    this.subscriptions = parts.subscriptions;
    this.#observer = parts.subscriptions;
    this.#useQuotas();
    this.#reader = new RangeReader(parts.streams, parts.blocks, this.#spaces);
    this.#counts = new MessageCounts(this.#reader, parts.blocks);
    if (parts.snapshots !== undefined) this.snapshots = this.#makeSnapshots(parts.snapshots);
    this.#positions = new ReadPositions(this.#reader, this.#counts, this.#spaces);
    this.#updates = new Updates({
      ...parts,
      points: new TrimPoints(this.#reader, parts.blocks, this.#counts),
      observer: () => this.#observer,
      findSnapshot: (stream) => parts.snapshots?.find(stream),
      find: (name) => this.#find(name),
      missing: (name, stream) => this.#missing(name, stream),
    });
  }

  get kind(): StorageKind {
    return this.#parts.kind;
  }

  get identity(): string {
    return this.#parts.identity;
  }

  async create(name: string, spec: CreateSpec): Promise<Created> {
    for (let gate; (gate = this.#admission.admit("write", spec.body?.length ?? 0));) await gate;
    const existing = this.#find(name);
    if (existing !== undefined) return await this.#confirm(existing, spec);
    let record: CreateRecord;
    try {
      const fork = spec.fork && await this.#forkOrigin(spec, spec.fork);
      // Decided again after the wait: the name may be taken by now, or the source gone.
      if (fork !== undefined && !this.#stillHolds(name, fork)) return await this.create(name, spec);
      record = this.#createRecord(name, spec, fork);
      this.#quotas?.checkCreate(name, record.data.length);
    } catch (error) {
      // It may rest on the source as it is now, and does on that there is no stream of this name.
      await this.#journal.durable(this.#journal.assignedLsn);
      throw error;
    }
    const stream = this.#recordCreate(record, spec.trace);
    const { contentType, tail, closed } = stream;
    const space = spaceAt(this.#spaces.of(stream), tail);
    await this.#journal.durable(stream.lsn);
    return { created: true, contentType, space, tail, closed };
  }

  // Without `async`, here and below: what it adds to each append is a tenth of what the engine costs.
  append(name: string, request: AppendRequest): Promise<Appended> {
    try {
      const gate = this.#admission.admit("write", request.body.length);
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
    const known = producer && this.#streams.producer(stream, producer.id);
    let decided;
    try {
      decided = decideAppend(stream, known, request, this.#clock.nowMs(), space);
      if (producer !== undefined && known === undefined) {
        checkProducerRoom(stream, this.#parts.maxProducersPerStream);
      }
      if (decided !== "duplicate") this.#quotas?.checkAppend(stream, decided.data.length);
    } catch (error) {
      return this.#reject(error, stream);
    }
    if (decided === "duplicate") this.#accessed(stream);
    else this.#recordAppend(stream, decided, request.trace);
    const { tail, closed } = stream;
    const spaceOfTail = spaceAt(space, tail);
    const appended = decided === "duplicate"
      ? { space: spaceOfTail, tail, closed, duplicate: true, producer: known }
      : { space: spaceOfTail, tail, closed, duplicate: false, producer };
    const durable = this.#journal.durable(stream.lsn);
    return durable === undefined ? Promise.resolve(appended) : durable.then(() => appended);
  }

  async #rejectMissing(name: string, stream: Stream | undefined): Promise<never> {
    throw await this.#missing(name, stream);
  }

  /** Where the state that an error rests on never becomes durable, that is the answer instead. */
  async #reject(error: unknown, stream: Stream): Promise<never> {
    await this.#journal.durable(stream.lsn);
    throw error;
  }

  async delete(name: string): Promise<void> {
    for (let gate; (gate = this.#admission.admit("delete", 0));) await gate;
    const stream = this.#find(name);
    if (stream === undefined || stream.lifecycle !== "there") {
      throw await this.#missing(name, stream);
    }
    this.#remove(stream);
    await this.#journal.durable(stream.lsn);
  }

  update(name: string, change: StreamChange): Promise<Updated> {
    return this.#updates.update(name, change);
  }

  async head(name: string): Promise<StreamInfo> {
    return this.#updates.infoOf(await this.#visible(name));
  }

  async describe(name: string): Promise<StreamDescription> {
    const stream = await this.#visible(name);
    const info = this.#updates.infoOf(stream);
    const description = describeStream(stream, info, this.#streams);
    // A producer's state is shown as it was decided, which is durable soon.
    await this.#journal.durable(stream.lsn);
    return description;
  }

  async read(name: string, from: ReadFrom, limitBytes: number): Promise<ReadResult> {
    try {
      const { stream, info, start } = await this.#startRead(name, from);
      const { data, next } = await this.#reader.chunk(stream, start, limitBytes, info.tail);
      return { ...info, data, start, next };
    } catch (error) {
      return await this.#rejectRead(error);
    }
  }

  readBody(
    name: string,
    from: ReadFrom,
    limitBytes: number,
    kind: FileBodyKind,
  ): BodyResult | Promise<BodyResult> {
    const fail = (error: unknown) => this.#rejectRead(error);
    try {
      const body = mapAwaitable(
        this.#startRead(name, from),
        ({ stream, info, start }) =>
          mapAwaitable(
            this.#reader.body(stream, start, limitBytes, info.tail, kind),
            ({ data, next }) => ({ ...info, data, start, next }),
          ),
      );
      return body instanceof Promise ? body.catch(fail) : body;
    } catch (error) {
      return fail(error);
    }
  }

  /** A read rests on durable state, but for a stream that goes meanwhile: that has to be for good. */
  async #rejectRead(error: unknown): Promise<never> {
    await this.#journal.durable(this.#deleteLsn);
    throw error;
  }

  #startRead(name: string, from: ReadFrom): ReadStart | Promise<ReadStart> {
    return mapAwaitable(this.#visible(name), (stream) => {
      this.#accessed(stream);
      const info = this.#updates.infoOf(stream);
      checkSpace("The offset", from, info.space);
      return mapAwaitable(
        this.#positions.startOf(stream, from, info),
        (start) => {
          checkReached(info, start);
          return { stream, info, start };
        },
      );
    });
  }

  async countBefore(name: string, offset: Offset): Promise<MessageCount> {
    try {
      const stream = await this.#visible(name);
      const info = stream.infoIn(this.#spaces.of(stream));
      checkSpace("The offset", offset, info.space);
      const position = this.#positions.named(stream, offset);
      checkReached(info, position);
      const count = await this.#counts.before(stream, position);
      // Of a byte stream that has grown on in its last block only the stream itself knows it.
      const messages = position === info.tail ? info.messages : undefined;
      return messages === undefined ? count : { ...count, messages };
    } catch (error) {
      return await this.#rejectRead(error);
    }
  }

  async list({ prefix = "", after = "", limit }: ListRequest): Promise<ListPage> {
    await this.#streams.sortNames();
    const nowMs = this.#clock.nowMs();
    const streams = this.#streams.list({ prefix, after }, limit + 1);
    const page = takePage(
      streams,
      limit,
      (stream) => stream.isThere(nowMs) && this.#journal.isDurable(stream.lifecycleLsn),
      this.#spaces.forListing(),
    );
    // What it leaves out because it was deleted has to be gone for good.
    await this.#journal.durable(this.#deleteLsn);
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
    const status = this.#parts.status();
    return this.#quotas === undefined ? status : { ...status, quotas: this.#quotas.status() };
  }

  prepareQuotas(options: readonly QuotaOptions[]): () => void {
    const { quotas, countQuotas } = this.#parts;
    const change = quotas.prepare(options);
    return () => {
      const added = change();
      this.#useQuotas();
      if (added.length > 0) countQuotas(added);
    };
  }

  prepareRetention(options: readonly RetentionRule[]): () => void {
    const rules = new RetentionRules(options);
    return () => this.#updates.setRules(rules);
  }

  #useQuotas(): void {
    const { subscriptions, quotas } = this.#parts;
    this.#quotas = quotas.isNone ? undefined : quotas;
    this.#observer = quotas.isNone ? subscriptions : bothObservers(subscriptions, quotas);
  }

  #makeSnapshots(bodies: SnapshotBodies<S>): Snapshots<S> {
    return new Snapshots({
      ...this.#parts,
      reader: this.#reader,
      bodies,
      quotas: () => this.#quotas,
      find: (name) => this.#find(name),
      visible: (name) => this.#visible(name),
      missing: (name, stream) => this.#missing(name, stream),
      accessed: (stream) => this.#accessed(stream),
      onChanged: (stream) => this.#updates.enforcer.changed(stream),
    });
  }

  measure(): StorageMeasures {
    const measures = this.#parts.measure({
      appends: this.#appends,
      appendedBytes: this.#appendedBytes,
      created: this.#created,
      deleted: this.#deleted,
    });
    return { ...measures, retention: this.#updates.measure() };
  }

  async close(limitMs?: number): Promise<void> {
    await this.#updates.enforcer.stop();
    await this.#parts.close(limitMs);
  }

  /** Looks for streams of which less is to be kept by now. */
  trimDue(): Promise<void> {
    return this.#updates.enforcer.run();
  }

  /** Records that streams are gone whose time is over, of those with these ids. */
  expire(ids: readonly number[]): void {
    for (const id of ids) {
      const stream = this.#streams.loadIfThere(id);
      if (stream?.lifecycle !== "there" || !stream.isExpired(this.#clock.nowMs())) continue;
      this.#remove(stream);
    }
  }

  /** The stream of this name as commands see it; one whose time is over goes now. */
  #find(name: string): S | undefined {
    const stream = this.#streams.find(name);
    if (stream === undefined || stream.lifecycle !== "there") return stream;
    if (!stream.isExpired(this.#clock.nowMs())) return stream;
    this.#remove(stream);
    return this.#streams.find(name);
  }

  /** The stream of this name as readers see it: whether it is there at all is durable. */
  #visible(name: string): S | Promise<S> {
    const stream = this.#find(name);
    if (stream === undefined || stream.lifecycle !== "there") {
      return this.#missing(name, stream).then((error) => {
        throw error;
      });
    }
    const durable = this.#journal.durable(stream.lifecycleLsn);
    return durable === undefined ? stream : durable.then(() => this.#visible(name));
  }

  /** The error for a name without a stream, once that is durable. */
  async #missing(name: string, stream: Stream | undefined): Promise<StreamError> {
    await this.#journal.durable(stream?.lifecycleLsn ?? this.#journal.assignedLsn);
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
      const source = stream.fork && this.#load(stream.fork.sourceId);
      checkSameConfig(stream, spec, source?.lifetime ?? FOREVER, space);
    } catch (error) {
      await this.#journal.durable(stream.lsn);
      throw error;
    }
    await this.#journal.durable(stream.lsn);
    return { created: false, contentType, space: spaceAt(space, tail), tail, closed };
  }

  #createRecord(name: string, spec: CreateSpec, fork: ForkBase<S> | undefined): CreateRecord {
    const contentType = spec.contentType ?? fork?.source.contentType ?? DEFAULT_CONTENT_TYPE;
    const policies = this.#updates.newPolicies(spec, fork?.source);
    if (policies?.compaction !== undefined) checkCompaction(policies.compaction, contentType);
    return {
      kind: "create",
      id: this.#streams.newId(),
      atMs: this.#clock.nowMs(),
      name: copyString(name),
      contentType,
      lifetime: spec.lifetime ?? fork?.source.lifetime ?? FOREVER,
      fork: fork?.origin,
      closed: spec.closed ?? false,
      earliest: fork?.source.earliest,
      policies,
      data: spec.body === undefined || spec.body.length === 0
        ? NO_BYTES
        : toStored(isJsonType(contentType), spec.body).bytes,
    };
  }

  /** Where a fork branches off. */
  async #forkOrigin(spec: CreateSpec, fork: ForkSpec): Promise<ForkBase<S>> {
    const source = this.#find(fork.source);
    if (source === undefined) throw await this.#missing(fork.source, source);
    checkForkSource(source, spec);
    const origin = await this.#positions.forkOrigin(source, fork);
    return { source, origin };
  }

  /** Whether the name is free and the source there, just as a fork found them. */
  #stillHolds(name: string, { source, origin }: ForkBase<S>): boolean {
    if (this.#streams.find(name) !== undefined) return false;
    const now = this.#find(source.name);
    return now?.id === source.id && now.lifecycle === "there" && origin.point >= now.earliest &&
      origin.point >= now.compactedUpTo;
  }

  /** Records that a stream goes, and with it those above it that only it still held. */
  #remove(stream: S): void {
    const others: S[] = [];
    const soft = stream.forkCount > 0;
    for (let last = stream; !soft && last.fork !== undefined;) {
      last = this.#load(last.fork.sourceId);
      if (last.lifecycle !== "soft_deleted" || last.forkCount > 1) break;
      others.push(last);
    }
    const streams = [stream, ...others];
    const record: DeleteRecord = {
      kind: "delete",
      atMs: this.#clock.nowMs(),
      soft,
      ids: streams.map(({ id }) => id),
    };
    // One that nobody asked for, an expiry, comes without being let in.
    this.#admission.checkUnadmitted();
    const { tail, closed, buffer: { messages } } = stream;
    const show = () => {
      // What a source has kept for it may go.
      for (const gone of streams) this.#streams.release(gone);
    };
    const lsn = this.#journal.append(record, { stream, tail, closed, messages, others, show });
    this.#deleted++;
    for (const gone of streams) this.snapshots?.streamRemoved(gone, lsn);
    applyDelete(streams, soft, ({ fork }) => fork && this.#streams.loadIfThere(fork.sourceId));
    for (const gone of streams) {
      gone.lsn = lsn;
      gone.lifecycleLsn = lsn;
      if (soft) this.#streams.markDirty(gone);
      else this.#streams.remove(gone);
      this.#observer.removed(gone, lsn);
      this.#updates.enforcer.removed(gone.id);
    }
    this.#deleteLsn = lsn;
  }

  #recordCreate(record: CreateRecord, trace: TraceContext | undefined): S {
    const stream = this.#streams.make(record);
    const source = record.fork && this.#load(record.fork.sourceId);
    applyCreate(stream, record);
    const { tail, closed, buffer: { messages } } = stream;
    const effect = { stream, tail, closed, messages, others: NO_OTHERS, trace };
    const lsn = this.#journal.append(record, effect);
    this.#created++;
    this.#appendedBytes += record.data.length;
    stream.lsn = lsn;
    stream.lifecycleLsn = lsn;
    if (source !== undefined) source.forkCount++;
    this.#streams.add(stream);
    if (stream.lifetime.kind !== "forever") this.#parts.onExpiring(stream);
    this.#observer.created(stream);
    if (tail > stream.earliest) {
      this.#observer.appended(stream, stream.earliest, lsn, trace);
      this.#updates.enforcer.appended(stream, record.fork === undefined);
    }
    return stream;
  }

  #recordAppend(stream: S, record: AppendRecord, trace: TraceContext | undefined): void {
    const tail = record.start + record.data.length;
    const messages = stream.buffer.messages + (record.ends?.length ?? 0);
    const effect = { stream, tail, closed: record.close, messages, others: NO_OTHERS, trace };
    stream.lsn = this.#journal.append(record, effect);
    this.#appends++;
    this.#appendedBytes += record.data.length;
    applyAppend(stream, record);
    this.#streams.markDirty(stream, record.producer?.id);
    if (record.data.length === 0) return;
    this.#observer.appended(stream, record.start, stream.lsn, trace);
    this.#updates.enforcer.appended(stream, record.start === stream.earliest);
  }

  #accessed(stream: S): void {
    if (stream.lifetime.kind !== "ttl" || stream.lifecycle !== "there") return;
    stream.accessedAtMs = Math.max(stream.accessedAtMs, this.#clock.nowMs());
    this.#streams.accessed(stream);
  }

  /** The stream of this id, of which others are forks. */
  #load(id: number): S {
    const stream = this.#streams.loadIfThere(id);
    if (stream === undefined) throw missingSource(id);
    return stream;
  }
}
