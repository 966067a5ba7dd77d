import type { Clock } from "../../env/clock.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import type { TraceContext } from "../../tracing/trace_context.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import type { Admission } from "../admission.ts";
import type { Journal } from "../journal.ts";
import type { OffsetSpaces } from "../offset_spaces.ts";
import type { Ack, SubscriptionChange, SubscriptionRecord } from "../records.ts";
import type { Appended, AppendRequest } from "../storage.ts";
import type { Stream } from "../stream.ts";
import type { StreamObserver } from "../stream_observer.ts";
import type { Streams } from "../streams.ts";
import { NEW_SUBSCRIPTION, type SubscriptionState, type WakeStream } from "../subscription.ts";
import type {
  Acked,
  CreatedSubscription,
  Fence,
  LinkPage,
  RequestedAck,
  SecretStore,
  Step,
  SubscriptionInfo,
  SubscriptionPage,
  SubscriptionScope,
  SubscriptionSpec,
  SubscriptionStore,
  Wake,
} from "../subscription_store.ts";
import { checkAcks, checkClaimable, checkConfig, checkFence, checkLinkCount } from "./checks.ts";
import { hashConfig } from "./hash.ts";
import { LinkList } from "./link_list.ts";
import { PendingStreams, WAKE_STREAMS_LIMIT } from "./pending_streams.ts";
import type { FollowedStream, SubscriptionRegistry } from "./registry.ts";
import type { SubscriptionEntry } from "./subscription_entry.ts";
import * as transitions from "./transitions.ts";

const JSON_TYPE = "application/json";
/** About what an ack takes in a record, and a stream of a wake beside its name. */
const ACK_BYTES = 64;
const WAKE_STREAM_BYTES = 256;
const REST: Step = { kind: "rest" };

/** What the subscriptions of a storage work on. */
export interface SubscriptionEngineParts {
  clock: Clock;
  /** How many subscriptions there may be. */
  maxSubscriptions: number;
  registry: SubscriptionRegistry;
  admission: Admission;
  journal: Journal;
  streams: Streams;
  spaces: OffsetSpaces;
  secrets: SecretStore;
  /** As in `Storage.append`. */
  append(name: string, request: AppendRequest): Promise<Appended>;
  /** An id that no wake ever had. */
  newWakeId(): string;
  /** A number from 0 up to 1, for the jitter of waits. */
  random(): number;
}

/** The subscriptions of a storage: decides each command, records it and applies it, with nothing in between. */
export class SubscriptionEngine implements SubscriptionStore, StreamObserver {
  readonly #parts: SubscriptionEngineParts;
  readonly #registry: SubscriptionRegistry;
  readonly #journal: Journal;
  readonly #pending: PendingStreams;
  readonly #links: LinkList;
  #onChange: ((id: number) => void) | undefined;
  readonly #changed = new Set<SubscriptionEntry>();

  constructor(parts: SubscriptionEngineParts) {
    this.#parts = parts;
    this.#registry = parts.registry;
    this.#journal = parts.journal;
    this.#pending = new PendingStreams(parts);
    this.#links = new LinkList(parts);
  }

  appended(stream: FollowedStream, start: number, lsn: number, trace?: TraceContext): void {
    for (const entry of this.#registry.appended(stream, start, lsn)) {
      if (trace !== undefined) entry.noteTrace(trace);
      // The others have a wake, or a time, after which the driver looks at what is pending.
      if (entry.state.phase === "idle") this.#noteChange(entry);
    }
  }

  /** A wake stream that was missing is there. */
  created({ name }: Pick<Stream, "name">): void {
    if (!this.#registry.isWakeStream(name)) return;
    for (const entry of this.#registry.entries()) {
      if (entry.config.wakeStream === name && entry.state.failed) this.#noteChange(entry);
    }
  }

  trimmed(
    { id, earliest, tail }: Pick<Stream, "id" | "earliest" | "tail">,
    _freedBytes: number,
    lsn: number,
  ): void {
    this.#registry.trimmed(id, earliest, earliest === tail, lsn);
  }

  removed({ id }: Pick<Stream, "id">, lsn: number): void {
    this.#registry.removed(id, lsn);
  }

  get secrets(): SecretStore {
    return this.#parts.secrets;
  }

  async create(
    name: string,
    { baseUrl, ...config }: SubscriptionSpec,
  ): Promise<CreatedSubscription> {
    checkConfig(config);
    await this.#admit("write", textBytes([...config.streams, config.description ?? ""]));
    const hash = hashConfig(config);
    const existing = this.#registry.find(name);
    if (existing !== undefined) {
      const found = { ...infoOf(existing), created: false };
      const isSame = existing.hash === hash;
      await this.#journal.durable(existing.lsn);
      if (isSame) return found;
      throw new StreamError(
        { code: "subscription_exists" },
        `There is a subscription ${quote(name)} with another configuration: delete it first.`,
      );
    }
    this.#checkRoom();
    const id = this.#parts.streams.newId();
    const createdAtMs = this.#parts.clock.nowMs();
    const lsn = this.#record(id, { kind: "create", name, config, hash, baseUrl }, createdAtMs);
    await this.#journal.durable(lsn);
    const info = { id, name, createdAtMs, config, baseUrl, state: NEW_SUBSCRIPTION };
    return { ...info, pendingStreams: 0, created: true };
  }

  async get(name: string): Promise<SubscriptionInfo> {
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    const info = infoOf(entry);
    await this.#journal.durable(entry.lsn);
    return info;
  }

  async links(name: string, after: string | undefined, limit: number): Promise<LinkPage> {
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    await this.#journal.durable(entry.lsn);
    await this.#parts.streams.sortNames();
    const page = this.#links.page(entry, after, limit);
    // What was recorded meanwhile is in it, of streams too.
    await this.#journal.durable(this.#journal.assignedLsn);
    return page;
  }

  scope(name: string): SubscriptionScope | undefined {
    return this.#registry.find(name)?.scope;
  }

  async list(
    after: string | undefined,
    limit: number,
    isShown: (scope: SubscriptionScope) => boolean = () => true,
  ): Promise<SubscriptionPage> {
    const sorted = [...this.#registry.entries()]
      .filter(({ name }) => after === undefined || name > after)
      .sort((one, other) => one.name < other.name ? -1 : 1);
    const found: SubscriptionEntry[] = [];
    for (const entry of sorted) {
      if (isShown(entry.scope)) found.push(entry);
      // One more than fits says that there are more.
      if (found.length > limit) break;
    }
    const subscriptions = found.slice(0, limit).map(infoOf);
    await this.#journal.durable(this.#journal.assignedLsn);
    return { subscriptions, next: found.length > limit ? found[limit - 1]?.name : undefined };
  }

  async delete(name: string): Promise<void> {
    await this.#admit("delete");
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    const { wakeStream } = entry.config;
    // A look-up may fail, and what has failed hasn't happened.
    const stream = wakeStream === undefined ? undefined : this.#parts.streams.find(wakeStream);
    const lsn = this.#change(entry, { kind: "delete" });
    if (stream !== undefined) this.#noteWakeStreamEnd(stream);
    await this.#journal.durable(lsn);
  }

  async link(name: string, paths: readonly string[]): Promise<void> {
    await this.#admit("write", textBytes(paths));
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    const added = paths.filter((path) => !entry.links.has(path));
    if (added.length === 0) return await this.#journal.durable(entry.lsn);
    checkLinkCount(entry.links.size + added.length);
    await this.#journal.durable(this.#change(entry, { kind: "link", paths: added }));
  }

  async unlink(name: string, path: string): Promise<void> {
    await this.#admit();
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    if (!entry.links.has(path)) return await this.#journal.durable(entry.lsn);
    const streamId = this.#parts.streams.find(path)?.id ?? 0;
    await this.#journal.durable(this.#change(entry, { kind: "unlink", path, streamId }));
  }

  async claim(name: string, worker: string): Promise<Wake> {
    await this.#admit("write", wakeBytes(this.#registry.find(name)));
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    this.#endLease(entry);
    const streams = this.#pending.snapshot(entry);
    try {
      checkClaimable(entry, streams);
    } catch (error) {
      // It may rest on streams that were deleted.
      await this.#journal.durable(this.#journal.assignedLsn);
      throw error;
    }
    const { state } = entry;
    const claimed = transitions.claim(state, worker, this.#parts.newWakeId(), this.#context(entry));
    const lsn = this.#changeState(entry, claimed, [], streams);
    const wake = { subscription: infoOf(entry), streams };
    await this.#journal.durable(lsn);
    return wake;
  }

  async ack(
    name: string,
    fence: Fence,
    requested: readonly RequestedAck[],
    done: boolean,
  ): Promise<Acked> {
    await this.#admit("write", requested.length * ACK_BYTES);
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    this.#endLease(entry);
    let acks: readonly Ack[];
    try {
      checkFence(entry, fence);
      acks = checkAcks(entry, requested, this.#parts);
    } catch (error) {
      await this.#journal.durable(this.#journal.assignedLsn);
      throw error;
    }
    const lsn = this.#changeState(entry, this.#acked(entry, acks, done), acks);
    const nextWake = this.#mayBePending(entry);
    await this.#journal.durable(lsn);
    return { nextWake };
  }

  async release(name: string, fence: Fence): Promise<void> {
    await this.#admit();
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    this.#endLease(entry);
    try {
      checkFence(entry, fence);
    } catch (error) {
      await this.#journal.durable(entry.lsn);
      throw error;
    }
    const released = this.#pending.has(entry)
      ? transitions.backOff(entry.state, this.#context(entry))
      : transitions.finish(entry.state);
    await this.#journal.durable(this.#changeState(entry, released));
  }

  async retry(name: string): Promise<boolean> {
    await this.#admit();
    const entry = this.#registry.find(name) ?? await this.#missing(name);
    this.#endLease(entry);
    const due = transitions.dueNow(entry.state, this.#parts.clock.nowMs());
    const isDue = due !== entry.state;
    await this.#journal.durable(isDue ? this.#changeState(entry, due) : entry.lsn);
    return isDue;
  }

  attach(onChange: (id: number) => void): (() => void) | undefined {
    if (this.#onChange !== undefined) return undefined;
    this.#onChange = onChange;
    return () => {
      if (this.#onChange === onChange) this.#onChange = undefined;
    };
  }

  nameOf(id: number): string | undefined {
    return this.#registry.get(id)?.name;
  }

  endpoint(id: number): string | undefined {
    return this.#registry.get(id)?.endpoint;
  }

  ids(): number[] {
    return [...this.#registry.entries()].map(({ id }) => id);
  }

  async step(id: number, isLost = false, problem?: string): Promise<Step> {
    await this.#admit("write", wakeBytes(this.#registry.get(id)));
    const entry = this.#registry.get(id);
    if (entry === undefined) return REST;
    this.#endLease(entry);
    const { phase, dueMs, failed, wakeId } = entry.state;
    const nowMs = this.#parts.clock.nowMs();
    if (phase === "delivering" && isLost) {
      return problem === undefined ? await this.#retry(entry) : this.#failLost(entry, problem);
    }
    if (phase === "delivering" || phase === "leased") {
      return { kind: "wait", untilMs: dueMs, leasedWakeId: wakeId };
    }
    if (!this.#pending.has(entry)) return this.#rest(entry);
    const { wakeStream } = entry.config;
    // A wake stream that was missing gets its event as soon as it is there.
    const isMended = wakeStream !== undefined && failed && problem === undefined &&
      this.#whyNoEvent(wakeStream) === undefined;
    if (dueMs > nowMs && !isMended) return { kind: "wait", untilMs: dueMs };
    if (problem !== undefined) return this.#failWake(entry, this.#context(entry), problem);
    if (wakeStream !== undefined) return await this.#writeEvent(entry, wakeStream);
    return phase === "waiting" ? await this.#retry(entry) : await this.#wake(entry);
  }

  async delivered(
    id: number,
    wakeId: string,
    outcome: transitions.DeliveryOutcome,
  ): Promise<void> {
    await this.#admit("write", wakeBytes(this.#registry.get(id)));
    const entry = this.#registry.get(id);
    if (entry === undefined) return;
    this.#endLease(entry);
    const { state, wakeStreams } = entry;
    const isPresent = state.phase !== "idle" && state.wakeId === wakeId;
    const next = isPresent ? transitions.deliver(state, outcome, this.#context(entry)) : state;
    if (next === state) return;
    this.#recordState(entry, next, outcome === "done" ? this.#pending.acksOf(wakeStreams) : []);
    this.#noteChange(entry);
  }

  /** For what is recorded already, and no look-up that fails may refuse any more: whoever asks is told then. */
  #mayBePending(entry: SubscriptionEntry): boolean {
    try {
      return this.#pending.has(entry);
    } catch (error) {
      if (error instanceof StreamError) return true;
      throw error;
    }
  }

  #acked(entry: SubscriptionEntry, acks: readonly Ack[], done: boolean): SubscriptionState {
    const { state, cursors } = entry;
    const hasMoved = acks.some(({ streamId, position, isTail }) =>
      cursors.has(streamId) && (isTail || position > (cursors.get(streamId) ?? 0))
    );
    if (!done) return transitions.heartbeat(state, hasMoved, this.#context(entry));
    // One that is done and has processed nothing would be woken again at once, and for ever.
    return hasMoved || !this.#pending.has(entry)
      ? transitions.finish(state)
      : transitions.backOff(state, this.#context(entry));
  }

  async #wake(entry: SubscriptionEntry): Promise<Step> {
    const streams = this.#pending.snapshot(entry);
    if (streams.length === 0) return REST;
    const { newWakeId } = this.#parts;
    const woken = transitions.wake(entry.state, newWakeId(), this.#context(entry));
    entry.wakeTrace = entry.nextTrace;
    entry.nextTrace = undefined;
    return await this.#deliver(entry, this.#recordState(entry, woken, [], streams));
  }

  async #retry(entry: SubscriptionEntry): Promise<Step> {
    const retried = transitions.retry(entry.state, this.#context(entry));
    return await this.#deliver(entry, this.#recordState(entry, retried));
  }

  async #deliver(entry: SubscriptionEntry, lsn: number): Promise<Step> {
    const { wakeStreams: streams, wakeTrace: trace } = entry;
    const wake = { subscription: infoOf(entry), streams, trace };
    await this.#journal.durable(lsn);
    return { kind: "deliver", wake };
  }

  /** Nothing is pending any more, its streams were deleted: a wake that waits is over, also one to come. */
  #rest(entry: SubscriptionEntry): Step {
    const { state } = entry;
    entry.nextTrace = undefined;
    if (state.phase === "waiting" || state.failed) {
      this.#recordState(entry, transitions.finish(state));
    }
    return REST;
  }

  /**
   * Writes a wake event, and behind it in the log what that makes of the subscription: a crash in between
   * leaves an event of a generation that comes once more, and never a wake without an event.
   */
  async #writeEvent(entry: SubscriptionEntry, wakeStream: string): Promise<Step> {
    const context = this.#context(entry);
    const problem = this.#whyNoEvent(wakeStream);
    if (problem !== undefined) return this.#failWake(entry, context, problem);
    const [first] = this.#pending.snapshot(entry, 1);
    if (first === undefined) return REST;
    const next = entry.state.phase === "waiting"
      ? transitions.repeat(entry.state, context)
      : transitions.wake(entry.state, this.#parts.newWakeId(), context);
    const body = wakeEvent(entry.name, first.path, next.generation, context.nowMs);
    // Where the event had to wait for room what follows from it would be recorded first.
    const gate = this.#parts.admission.admit("write", body.length);
    if (gate !== undefined) {
      await gate;
      return await this.step(entry.id);
    }
    const written = this.#parts.append(wakeStream, { contentType: JSON_TYPE, body });
    const lsn = this.#recordState(entry, { ...next, failed: false });
    try {
      await written;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const isPresent = entry.state.phase === "waiting" && entry.state.wakeId === next.wakeId;
      if (isPresent) return this.#failWake(entry, context, reason);
    }
    await this.#journal.durable(lsn);
    return { kind: "wait", untilMs: next.dueMs };
  }

  /** A request that was under way is lost, and may not be sent again. */
  #failLost(entry: SubscriptionEntry, problem: string): Step {
    const failed = transitions.deliver(entry.state, "failed", this.#context(entry));
    this.#recordState(entry, failed);
    return { kind: "wait", untilMs: failed.dueMs, problem };
  }

  /** A wake couldn't be sent, or its event not be written: it is tried again later. */
  #failWake(
    entry: SubscriptionEntry,
    context: transitions.TransitionContext,
    problem: string,
  ): Step {
    const { phase } = entry.state;
    const failed = { ...transitions.backOff(entry.state, context, true), phase };
    this.#recordState(entry, failed);
    return { kind: "wait", untilMs: failed.dueMs, problem };
  }

  /** Why a wake event can't be written to a stream. */
  #whyNoEvent(name: string): string | undefined {
    const wakeStream = `its wake stream ${quote(name)}`;
    const stream = this.#parts.streams.find(name);
    if (stream === undefined || !stream.isThere(this.#parts.clock.nowMs())) {
      return `${wakeStream} is missing`;
    }
    if (stream.closed) return `${wakeStream} is closed`;
    return stream.json ? undefined : `${wakeStream} is of ${stream.contentType}, not ${JSON_TYPE}`;
  }

  /** A lease that has run out is taken away before anything is decided. The driver comes by itself. */
  #endLease(entry: SubscriptionEntry): void {
    const ended = transitions.endLease(entry.state, this.#context(entry));
    if (ended !== entry.state) this.#recordState(entry, ended);
  }

  #changeState(
    entry: SubscriptionEntry,
    state: SubscriptionState,
    acks: readonly Ack[] = [],
    wakeStreams?: readonly WakeStream[],
  ): number {
    return this.#change(entry, { kind: "state", state, acks, wakeStreams });
  }

  /** What the driver does: it waits itself for what it must, and needs not be told of it. */
  #recordState(
    entry: SubscriptionEntry,
    state: SubscriptionState,
    acks: readonly Ack[] = [],
    wakeStreams?: readonly WakeStream[],
  ): number {
    const change = { kind: "state", state, acks, wakeStreams } as const;
    const record = this.#recordOf(entry.id, change);
    return this.#apply(record, this.#journal.note(record));
  }

  #change(entry: SubscriptionEntry, change: SubscriptionChange): number {
    const lsn = this.#record(entry.id, change);
    this.#noteChange(entry);
    return lsn;
  }

  #record(id: number, change: SubscriptionChange, atMs?: number): number {
    const record = this.#recordOf(id, change, atMs);
    return this.#apply(record, this.#journal.append(record, undefined));
  }

  #recordOf(
    id: number,
    change: SubscriptionChange,
    atMs: number = this.#parts.clock.nowMs(),
  ): SubscriptionRecord {
    return { kind: "subscription", id, atMs, change };
  }

  #apply(record: SubscriptionRecord, lsn: number): number {
    this.#registry.apply(record, lsn);
    return lsn;
  }

  /**
   * Notifies the driver once the command that runs is recorded: what it then records goes into the same
   * batch, and one sync makes both durable.
   */
  #noteChange(entry: SubscriptionEntry): void {
    if (this.#onChange === undefined) return;
    this.#changed.add(entry);
    if (this.#changed.size === 1) queueMicrotask(() => this.#notifyChanges());
  }

  #notifyChanges(): void {
    const entries = [...this.#changed];
    this.#changed.clear();
    for (const { id } of entries) this.#onChange?.(id);
  }

  /** What was a wake stream is one like others now, and what is in it pending. */
  #noteWakeStreamEnd(stream: Stream): void {
    if (this.#registry.isWakeStream(stream.name)) return;
    for (const follower of this.#registry.followers(stream)) this.#noteChange(follower);
  }

  /** @param bytes about how long the record will be, where that isn't short */
  async #admit(kind: "write" | "delete" = "write", bytes = 0): Promise<void> {
    for (let gate; (gate = this.#parts.admission.admit(kind, bytes));) await gate;
  }

  #checkRoom(): void {
    const { maxSubscriptions } = this.#parts;
    if (this.#registry.size < maxSubscriptions) return;
    throw new StreamError(
      { code: "too_many_subscriptions" },
      `There are ${maxSubscriptions} subscriptions already, as many as this server takes.`,
    );
  }

  /** There is none of this name, once that is durable. */
  async #missing(name: string): Promise<never> {
    await this.#journal.durable(this.#journal.assignedLsn);
    throw new StreamError(
      { code: "subscription_not_found" },
      `There is no subscription ${quote(name)}.`,
    );
  }

  #context({ config }: SubscriptionEntry): transitions.TransitionContext {
    const { clock, random } = this.#parts;
    return { config, nowMs: clock.nowMs(), random };
  }
}

/** About how many bytes texts take in a record. */
function textBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length + 4, 0);
}

/** About how many bytes a wake of all that is pending takes in a record. */
function wakeBytes(entry: SubscriptionEntry | undefined): number {
  return Math.min(entry?.cursors.size ?? 0, WAKE_STREAMS_LIMIT) * WAKE_STREAM_BYTES;
}

function infoOf(entry: SubscriptionEntry): SubscriptionInfo {
  const { id, name, createdAtMs, config, baseUrl, state, cursors } = entry;
  return { id, name, createdAtMs, config, baseUrl, state, pendingStreams: cursors.size };
}

function wakeEvent(subscription: string, stream: string, generation: number, ts: number) {
  return encodeUtf8(
    JSON.stringify({ type: "wake", subscription_id: subscription, stream, generation, ts }),
  );
}
