import { type Bytes, concatBytes, NO_BYTES } from "../../../src/protocol/bytes.ts";
import type { ProducerState } from "../../../src/protocol/errors.ts";
import { FOREVER, type Lifetime } from "../../../src/protocol/lifetime.ts";
import type { AppendRequest, CreateSpec } from "../../../src/storage/storage.ts";
import type { Payload } from "./payload.ts";

/** What is known of an operation: `unknown` may be stored or not, until someone sees which. */
export type Outcome = "unknown" | "stored" | "absent";

/** An append, and where it came to stand. */
export interface ModelOp {
  id: number;
  /** In which life it was sent last, before it was known to be stored. */
  life: number;
  payload: Payload;
  request: AppendRequest;
  outcome: Outcome;
  start: number | undefined;
  /** How often it was sent. */
  sent: number;
  /** How many of its answers are still to come. */
  underWay: number;
}

/** A producer as its client knows it. */
export interface ModelProducer {
  id: string;
  epoch: number;
  /** The sequence number that comes next. */
  nextSeq: number;
  last: ModelOp | undefined;
}

/** Where a fork's own bytes begin, and what stands before them. */
export interface ModelFork {
  source: ModelStream;
  point: number;
  prefix: Bytes;
  prefixEnds: number[];
}

/** In the place of a snapshot's text where there is none. */
export const NO_SNAPSHOT = "";

/** What a look at a name may find. */
export type Status = "there" | "not_found" | "gone";

/** What a look may find that begins with one state and ends with another: what was in between is open. */
export function between(before: ReadonlySet<Status>, after: ReadonlySet<Status>): Set<Status> {
  const found = new Set([...before, ...after]);
  const hasChanged = found.size > before.size || found.size > after.size;
  return hasChanged ? found.add("not_found").add("gone") : found;
}

/** Whether a stream's time is over. */
type Liveness = "alive" | "over" | "either";

/** One stream, from its creation to its end; the next one of the same name is another. */
export class ModelStream {
  readonly name: string;
  readonly spec: CreateSpec;
  readonly json: boolean;
  readonly lifetime: Lifetime;
  readonly fork: ModelFork | undefined;
  /** What the name stood for before. */
  readonly before: ModelStream | undefined;
  readonly forks = new Set<ModelStream>();
  readonly producers = new Map<string, ModelProducer>();
  /** The appends, and the creation's own content first. */
  readonly ops: ModelOp[] = [];
  lifecycle: "creating" | "there" | "deleting" | "ended" = "creating";
  id: number | undefined;
  /** The space of its own offsets, once it was told. */
  space: number | undefined;
  closed = false;
  /** The operation that closes, once there is one. */
  closing: ModelOp | undefined;
  seq: string | undefined;
  /** It can't have ended before, however its last use was remembered. */
  aliveUntilMs: number;
  /** It has ended by then. */
  overFromMs: number;
  /** Operations under way that want no other beside them. */
  exclusive = 0;
  /** Appends under way. */
  appending = 0;
  /** Forks of it under way. */
  forking = 0;
  /** Whether a snapshot of it is on its way. */
  isKeeping = false;
  /** The text of its snapshot, as far as that is known. */
  #snapshot = NO_SNAPSHOT;
  /** What it may be instead: nobody knows whether that has happened. */
  readonly maybeSnapshots = new Set<string>();

  constructor(
    name: string,
    spec: CreateSpec,
    origin: { fork: ModelFork | undefined; before: ModelStream | undefined },
    nowMs: number,
  ) {
    const { fork } = origin;
    this.before = origin.before;
    this.name = name;
    this.spec = spec;
    this.fork = fork;
    this.json = (spec.contentType ?? fork?.source.contentType) === "application/json";
    this.lifetime = spec.lifetime ?? fork?.source.lifetime ?? FOREVER;
    this.aliveUntilMs = Infinity;
    this.overFromMs = Infinity;
    if (this.lifetime.kind === "until") {
      this.aliveUntilMs = this.overFromMs = this.lifetime.expiresAtMs;
    } else if (this.lifetime.kind === "ttl") {
      this.aliveUntilMs = this.overFromMs = nowMs + this.lifetime.ttlSeconds * 1000;
    }
  }

  get contentType(): string {
    return this.spec.contentType ?? this.fork?.source.contentType ?? "application/octet-stream";
  }

  /** The stream whose offset one of this one's is: up to a fork's point its source's. */
  ownerAt(offset: number): ModelStream {
    const { fork } = this;
    return fork !== undefined && offset <= fork.point ? fork.source.ownerAt(offset) : this;
  }

  /** Offset of the first byte of its own. */
  get ownStart(): number {
    return this.fork?.point ?? 0;
  }

  /** Its snapshot is this one. */
  knowSnapshot(text: string): void {
    this.#snapshot = text;
    this.maybeSnapshots.clear();
  }

  /** What its snapshot may be. */
  possibleSnapshots(): readonly string[] {
    return [this.#snapshot, ...this.maybeSnapshots];
  }

  /** Whether its snapshot may be this one. */
  mayHave(snapshot: string): boolean {
    return this.possibleSnapshots().includes(snapshot);
  }

  /** Whether nothing is under way that changes it. */
  get isIdle(): boolean {
    return this.exclusive === 0 && this.appending === 0 && this.forking === 0 &&
      (this.lifecycle === "there" || this.lifecycle === "ended");
  }

  /** It was used between these moments. */
  used(fromMs: number, toMs: number): void {
    if (this.lifetime.kind !== "ttl") return;
    const ttlMs = this.lifetime.ttlSeconds * 1000;
    this.aliveUntilMs = Math.max(this.aliveUntilMs, fromMs + ttlMs);
    this.overFromMs = Math.max(this.overFromMs, toMs + ttlMs);
  }

  /** It may have been used at this moment. */
  maybeUsed(atMs: number): void {
    if (this.lifetime.kind !== "ttl") return;
    this.overFromMs = Math.max(this.overFromMs, atMs + this.lifetime.ttlSeconds * 1000);
  }

  liveness(nowMs: number): Liveness {
    if (nowMs < this.aliveUntilMs) return "alive";
    return nowMs >= this.overFromMs && this.appending === 0 ? "over" : "either";
  }

  /** What may be found under its name. */
  statuses(nowMs: number): Set<Status> {
    const found = new Set<Status>();
    const liveness = this.liveness(nowMs);
    if (this.lifecycle !== "ended" && liveness !== "over") found.add("there");
    if (this.lifecycle === "creating") {
      return new Set([...found, ...this.before?.statuses(nowMs) ?? ["not_found"]]);
    }
    if (this.lifecycle === "there" && liveness === "alive") return found;
    const held = this.#holders(nowMs);
    if (held !== "some") found.add("not_found");
    if (held !== "none") found.add("gone");
    return found;
  }

  /** Whether forks keep what it was after its end. */
  #holders(nowMs: number): "none" | "some" | "maybe" {
    let result: "none" | "maybe" = "none";
    for (const fork of this.forks) {
      const held = fork.#holds(nowMs);
      if (held === "some") return "some";
      if (held === "maybe") result = "maybe";
    }
    return result;
  }

  #holds(nowMs: number): "none" | "some" | "maybe" {
    if (this.lifecycle === "ended") return this.#holders(nowMs);
    const isCertain = this.lifecycle === "there" && this.liveness(nowMs) === "alive";
    return isCertain || this.#holders(nowMs) === "some" ? "some" : "maybe";
  }

  /** The power went in a life whose syncs nobody waited for: what was acknowledged in it may be lost. */
  doubt(life: number): void {
    for (const op of this.ops) {
      if (op.life !== life || op.outcome !== "stored") continue;
      op.outcome = "unknown";
      if (op.request.close !== true) continue;
      this.closed = false;
      this.closing = op;
    }
    const seqs = this.ops.filter(({ outcome }) => outcome === "stored").map(({ request }) =>
      request.seq ?? ""
    );
    this.seq = seqs.sort().at(-1) || undefined;
  }

  /** Producers go on where what is stored ends. */
  realign(): void {
    for (const producer of this.producers.values()) {
      const last = this.ops.findLast(({ outcome, request }) =>
        outcome === "stored" && request.producer?.id === producer.id
      );
      producer.last = last;
      producer.epoch = last?.request.producer?.epoch ?? 0;
      producer.nextSeq = last === undefined ? 0 : (last.request.producer?.seq ?? 0) + 1;
    }
  }

  /** It isn't there any more, or its creation never happened. */
  end(): void {
    if (this.lifecycle === "creating") this.fork?.source.forks.delete(this);
    this.lifecycle = "ended";
  }

  /** The bytes known from the start on without a gap, and where messages end in them. */
  known(): { bytes: Bytes; ends: number[] } {
    const parts = [this.fork?.prefix ?? NO_BYTES];
    const ends = [...this.fork?.prefixEnds ?? []];
    let at = this.ownStart;
    const placed = this.ops.filter(({ outcome, start }) =>
      outcome === "stored" && start !== undefined
    ).sort((a, b) => (a.start ?? 0) - (b.start ?? 0));
    for (const { start, payload } of placed) {
      if (payload.stored.length === 0) continue;
      if (start !== at) break;
      parts.push(payload.stored);
      for (const end of payload.ends) ends.push(at + end);
      at += payload.stored.length;
    }
    return { bytes: concatBytes(parts), ends };
  }

  /** Where the next append goes, where nothing is unknown or under way. */
  get tail(): number {
    return this.ops.reduce(
      (tail, { outcome, start, payload }) =>
        outcome === "stored" ? Math.max(tail, (start ?? 0) + payload.stored.length) : tail,
      this.ownStart,
    );
  }

  /** Every producer's newest position, as far as its batches are stored. */
  producerStates(): Map<string, ProducerState> {
    const positions = new Map<string, ProducerState>();
    for (const { outcome, request: { producer } } of this.ops) {
      if (outcome !== "stored" || producer === undefined) continue;
      const known = positions.get(producer.id);
      const isNewer = known === undefined || producer.epoch > known.epoch ||
        (producer.epoch === known.epoch && producer.seq > known.seq);
      if (isNewer) positions.set(producer.id, { epoch: producer.epoch, seq: producer.seq });
    }
    return positions;
  }
}
