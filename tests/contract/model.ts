import type { FailureCode } from "../../src/protocol/errors.ts";

/** What a call comes to: its answer, as far as the model says it, or the code of its refusal. */
export type Outcome<T> = { ok: T } | { refused: FailureCode };

/** A stream as the model has it: all of its text, its source's part too. */
export interface ModelStream {
  json: boolean;
  text: string;
  /** Where messages end, and 0. */
  boundaries: Set<number>;
  closed: boolean;
  closedBy: string | undefined;
  seq: string | undefined;
  producers: Map<string, { epoch: number; seq: number }>;
  untilMs: number;
  isSoftlyDeleted: boolean;
  fork:
    | { source: ModelStream; name: string; offset: number | undefined; subOffset: number }
    | undefined;
  forks: number;
  /** Offsets up to this one are its source's. */
  point: number;
}

/** A create, as the model takes it: messages are texts. */
export interface ModelCreate {
  json: boolean;
  closed: boolean;
  untilMs: number;
  messages: readonly string[];
}

/** A fork, as the model takes it. */
export interface ModelFork {
  source: string;
  offset: number | undefined;
  subOffset: number;
  /** Whether the offset is one of another stream. */
  isForeign?: boolean;
}

/** An append, as the model takes it. */
export interface ModelAppend {
  messages: readonly string[];
  close: boolean;
  seq: string | undefined;
  producer: { id: string; epoch: number; seq: number } | undefined;
  expectedTail: number | undefined;
  /** Whether that is an offset of another stream. */
  isForeign?: boolean;
}

/** The streams of a storage, in the simplest way that the protocol allows. */
export class Model {
  readonly #streams = new Map<string, ModelStream>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The stream of this name, a softly deleted one too; one whose time is over goes now. */
  find(name: string): ModelStream | undefined {
    const stream = this.#streams.get(name);
    if (stream === undefined || stream.isSoftlyDeleted || stream.untilMs > this.#nowMs()) {
      return stream;
    }
    this.#remove(name, stream);
    return this.#streams.get(name);
  }

  /** What stands under this name, whether its time is over or not. */
  peek(name: string): ModelStream | undefined {
    return this.#streams.get(name);
  }

  /** The stream of this name that can be used. */
  visible(name: string): Outcome<ModelStream> {
    const stream = this.find(name);
    if (stream === undefined) return { refused: "not_found" };
    return stream.isSoftlyDeleted ? { refused: "gone" } : { ok: stream };
  }

  /** The stream of this name if a listing shows it: one whose time is over stays for the next command. */
  listed(name: string): ModelStream | undefined {
    const stream = this.#streams.get(name);
    if (stream === undefined || stream.isSoftlyDeleted) return undefined;
    return stream.untilMs > this.#nowMs() ? stream : undefined;
  }

  create(name: string, spec: ModelCreate): Outcome<{ created: boolean; tail: number }> {
    const existing = this.find(name);
    if (existing !== undefined) {
      const isSame = !existing.isSoftlyDeleted && existing.fork === undefined &&
        existing.json === spec.json && existing.closed === spec.closed &&
        existing.untilMs === spec.untilMs;
      return isSame
        ? { ok: { created: false, tail: existing.text.length } }
        : { refused: "stream_exists" };
    }
    const stream = emptyStream(spec.json, spec.untilMs);
    addMessages(stream, spec.messages);
    stream.closed = spec.closed;
    this.#streams.set(name, stream);
    return { ok: { created: true, tail: stream.text.length } };
  }

  fork(name: string, spec: ModelFork): Outcome<{ created: boolean; tail: number }> {
    const existing = this.find(name);
    if (existing !== undefined) {
      const { fork } = existing;
      const isSame = !existing.isSoftlyDeleted && fork !== undefined && !existing.closed &&
        fork.name === spec.source && fork.offset === spec.offset &&
        fork.subOffset === spec.subOffset && !spec.isForeign;
      return isSame
        ? { ok: { created: false, tail: existing.text.length } }
        : { refused: "stream_exists" };
    }
    const held = this.hold(spec);
    if ("refused" in held) return held;
    this.#streams.set(name, held.ok);
    return { ok: { created: true, tail: held.ok.point } };
  }

  /** A fork that has no name yet: its source is kept for it. */
  hold(spec: ModelFork): Outcome<ModelStream> {
    const source = this.find(spec.source);
    if (source === undefined) return { refused: "not_found" };
    if (source.isSoftlyDeleted) return { refused: "source_deleted" };
    if (spec.isForeign) return { refused: "offset_gone" };
    const point = forkPoint(source, spec);
    if ("refused" in point) return point;
    const stream = emptyStream(source.json, source.untilMs);
    stream.text = source.text.slice(0, point.ok);
    stream.boundaries = new Set([...source.boundaries].filter((at) => at <= point.ok)).add(
      point.ok,
    );
    stream.fork = { source, name: spec.source, offset: spec.offset, subOffset: spec.subOffset };
    stream.point = point.ok;
    source.forks++;
    return { ok: stream };
  }

  /** Gives a fork its name; false where that is taken, and the fork comes to nothing. */
  bind(name: string, fork: ModelStream): boolean {
    const isFree = this.find(name) === undefined;
    if (isFree) this.#streams.set(name, fork);
    else this.release(fork);
    return isFree;
  }

  /** A fork without a name comes to nothing. */
  release({ fork }: ModelStream): void {
    if (fork === undefined) return;
    fork.source.forks--;
    if (fork.source.isSoftlyDeleted && fork.source.forks === 0) {
      this.#remove(fork.name, fork.source);
    }
  }

  append(name: string, request: ModelAppend): Outcome<{ tail: number; duplicate: boolean }> {
    const found = this.visible(name);
    if ("refused" in found) return found;
    const stream = found.ok;
    const { producer, messages } = request;
    const known = producer && stream.producers.get(producer.id);
    const duplicate = { ok: { tail: stream.text.length, duplicate: true } };
    if (stream.closed) {
      if (producer === undefined) {
        return request.close && messages.length === 0 ? duplicate : { refused: "stream_closed" };
      }
      if (stream.closedBy === JSON.stringify(producer)) return duplicate;
      const isStale = known !== undefined && producer.epoch < known.epoch;
      return { refused: isStale ? "stale_epoch" : "stream_closed" };
    }
    if (producer !== undefined) {
      const verdict = judgeProducer(producer, known);
      if (verdict === "duplicate") return duplicate;
      if (verdict !== "new") return { refused: verdict };
    }
    const { expectedTail, isForeign } = request;
    if (expectedTail !== undefined && (isForeign || expectedTail !== stream.text.length)) {
      return { refused: "offset_mismatch" };
    }
    if (request.seq !== undefined) {
      if (stream.seq !== undefined && request.seq <= stream.seq) {
        return { refused: "sequence_regression" };
      }
      stream.seq = request.seq;
    }
    addMessages(stream, messages);
    if (producer !== undefined) {
      stream.producers.set(producer.id, { epoch: producer.epoch, seq: producer.seq });
    }
    if (request.close) {
      stream.closed = true;
      stream.closedBy = producer && JSON.stringify(producer);
    }
    return { ok: { tail: stream.text.length, duplicate: false } };
  }

  delete(name: string): Outcome<undefined> {
    const found = this.visible(name);
    if ("refused" in found) return found;
    this.#remove(name, found.ok);
    return { ok: undefined };
  }

  #remove(name: string, stream: ModelStream): void {
    if (stream.forks > 0) {
      stream.isSoftlyDeleted = true;
      return;
    }
    this.#streams.delete(name);
    this.release(stream);
  }
}

/** The stream whose offset this one of a stream's is. */
export function ownerOf(stream: ModelStream, offset: number): ModelStream {
  let owner = stream;
  while (owner.fork !== undefined && offset <= owner.point) owner = owner.fork.source;
  return owner;
}

function emptyStream(json: boolean, untilMs: number): ModelStream {
  return {
    json,
    text: "",
    boundaries: new Set([0]),
    closed: false,
    closedBy: undefined,
    seq: undefined,
    producers: new Map(),
    untilMs,
    isSoftlyDeleted: false,
    fork: undefined,
    forks: 0,
    point: 0,
  };
}

function addMessages(stream: ModelStream, messages: readonly string[]): void {
  for (const message of messages) {
    stream.text += stream.json ? `${message},\n` : message;
    if (stream.json) stream.boundaries.add(stream.text.length);
  }
  stream.boundaries.add(stream.text.length);
}

function forkPoint(source: ModelStream, { offset, subOffset }: ModelFork): Outcome<number> {
  const tail = source.text.length;
  const anchor = offset ?? tail;
  if (anchor > tail) return { refused: "invalid_fork" };
  if (!source.json) {
    return anchor + subOffset > tail ? { refused: "invalid_fork" } : { ok: anchor + subOffset };
  }
  if (!source.boundaries.has(anchor)) return { refused: "invalid_offset" };
  const ends = [...source.boundaries].filter((at) => at > anchor).sort((a, b) => a - b);
  const point = subOffset === 0 ? anchor : ends[subOffset - 1];
  return point === undefined ? { refused: "invalid_fork" } : { ok: point };
}

function judgeProducer(
  batch: { epoch: number; seq: number },
  known: { epoch: number; seq: number } | undefined,
): "new" | "duplicate" | FailureCode {
  if (known === undefined) return batch.seq === 0 ? "new" : "sequence_gap";
  if (batch.epoch < known.epoch) return "stale_epoch";
  if (batch.epoch > known.epoch) return batch.seq === 0 ? "new" : "epoch_start";
  if (batch.seq <= known.seq) return "duplicate";
  return batch.seq === known.seq + 1 ? "new" : "sequence_gap";
}
