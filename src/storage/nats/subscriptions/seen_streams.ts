import type { NameRange } from "../../../protocol/name_order.ts";
import { FOREVER } from "../../../protocol/lifetime.ts";
import type { OffsetSpace } from "../../../protocol/offset.ts";
import { StreamError } from "../../../protocol/errors.ts";
import { invariant } from "../../invariant.ts";
import { Stream, type StreamIdentity } from "../../stream.ts";
import type { Streams } from "../../streams.ts";
import { TailBuffer } from "../../tail_buffer.ts";
import type { SeenStream } from "../format/subscription_snapshot.ts";
import type { StreamNotice } from "../format/notice.ts";

/** Beyond so many, those leave in which nothing is pending. */
const LIMIT = 20_000;

/** A stream as far as its messages were seen, in the order in which subscriptions hear of them. */
export class SeenStreamState extends Stream {
  /** Whether its name's record is known: before, nobody can find it, and it may never get one. */
  readonly isNamed: boolean;
  /** Of the newest message in this state. */
  sequence: number;
  /** When it was seen first, in ms since 1970. */
  readonly sinceMs: number;

  constructor(
    identity: StreamIdentity,
    state: { tail: number; sequence: number; isNamed: boolean; sinceMs: number },
  ) {
    super(identity, new TailBuffer(state.tail), state.sinceMs);
    this.sequence = state.sequence;
    this.isNamed = state.isNamed;
    this.sinceMs = state.sinceMs;
  }

  override isThere(nowMs: number): boolean {
    return this.isNamed && super.isThere(nowMs);
  }

  /** Puts a state's end where a message left it. */
  moveTo(tail: number, closed: boolean): void {
    this.tail = Math.max(this.tail, tail);
    this.closed ||= closed;
    this.publish(this.tail, this.closed);
  }
}

/** What is known of a stream by its name's record. */
export interface NamedStream {
  readonly identity: StreamIdentity;
  /** Of a fork. */
  readonly forkedSpace: OffsetSpace | undefined;
  readonly tail: number;
  readonly closed: boolean;
  readonly sequence: number;
  readonly isSoftlyDeleted: boolean;
}

/**
 * The streams that subscriptions are about, in exactly the state that their followers have seen: what is
 * decided of them is so decided again when the log is replayed.
 */
export class SeenStreams implements Streams {
  readonly #byId = new Map<number, SeenStreamState>();
  readonly #byName = new Map<string, SeenStreamState>();
  readonly #ids: number[] = [];
  readonly #windows = new Map<string, { streams: readonly Stream[]; users: number }>();
  #shrinkAt = LIMIT;
  readonly #isPinned: (stream: SeenStreamState) => boolean;

  /** @param isPinned whether one has to stay in memory */
  constructor(isPinned: (stream: SeenStreamState) => boolean) {
    this.#isPinned = isPinned;
  }

  /** A stream that a snapshot has. */
  restore({ id, name, tail }: SeenStream, nowMs: number): void {
    this.#put(unnamed(id, name, { tail, sequence: 0, sinceMs: nowMs }));
  }

  /** A message of a known stream was seen. */
  see(stream: SeenStreamState, notice: StreamNotice, sequence: number): void {
    if (notice.isGone) {
      stream.lifecycle = "deleted";
      this.#forget(stream);
    } else if (sequence > stream.sequence) {
      stream.sequence = sequence;
      stream.moveTo(notice.end, notice.isClosed);
    }
  }

  /** The first message that matters was seen of a stream. */
  meet(id: number, notice: StreamNotice, sequence: number, nowMs: number): SeenStreamState {
    const stream = unnamed(id, notice.name, { tail: notice.end, sequence, sinceMs: nowMs });
    stream.moveTo(notice.end, notice.isClosed);
    this.#put(stream);
    return stream;
  }

  /** A stream's name was looked up: what is known of it by its messages stays. */
  name({ identity, forkedSpace, ...known }: NamedStream, nowMs: number): SeenStreamState {
    const seen = this.#byId.get(identity.id);
    if (seen?.isNamed === true) {
      // A snapshot doesn't say so of a stream, and what is closed stays closed.
      if (known.closed) seen.moveTo(seen.tail, true);
      return seen;
    }
    const lifetime = identity.lifetime.kind === "until" ? identity.lifetime : FOREVER;
    const stream = new SeenStreamState(
      // Whose time slides, others see the end of: then a message says that it is gone.
      { ...identity, lifetime },
      {
        tail: seen?.tail ?? known.tail,
        sequence: seen?.sequence ?? known.sequence,
        isNamed: true,
        sinceMs: nowMs,
      },
    );
    stream.forkedSpace = forkedSpace;
    stream.moveTo(stream.tail, known.closed || seen?.closed === true);
    if (known.isSoftlyDeleted) stream.lifecycle = "soft_deleted";
    this.#put(stream);
    return stream;
  }

  /** One that never got its name is let go of. */
  drop(stream: SeenStreamState): void {
    this.#forget(stream);
  }

  /** Nothing is known of any stream: they aren't followed any more. */
  clear(): void {
    this.#byId.clear();
    this.#byName.clear();
  }

  /** Puts an id where {@link newId} finds it. */
  reserveId(id: number): void {
    this.#ids.push(id);
  }

  /** How many ids are reserved. */
  get reservedIds(): number {
    return this.#ids.length;
  }

  newId(): number {
    const id = this.#ids.pop();
    if (id === undefined) {
      throw new StreamError({ code: "overloaded" }, "Too many subscriptions are made at once.");
    }
    return id;
  }

  find(name: string): SeenStreamState | undefined {
    return this.#byName.get(name);
  }

  loadIfThere(id: number): SeenStreamState | undefined {
    return this.#byId.get(id);
  }

  summary(id: number): SeenStreamState | undefined {
    return this.#byId.get(id);
  }

  sortNames(): undefined {}

  /** Lists what was put there for that very range. */
  list(range: NameRange): Iterable<Stream> {
    return this.#windows.get(keyOf(range))?.streams ?? [];
  }

  /** Lets {@link list} find the streams of a range, until the returned function is called. */
  openWindow(range: NameRange, streams: readonly Stream[]): () => void {
    const key = keyOf(range);
    const window = this.#windows.get(key) ?? { streams, users: 0 };
    window.streams = streams;
    window.users++;
    this.#windows.set(key, window);
    return () => {
      if (--window.users === 0) this.#windows.delete(key);
    };
  }

  producer(): undefined {}

  make(): never {
    throw new Error("Subscriptions make no streams.");
  }

  add(): void {
    this.make();
  }

  remove(): void {
    this.make();
  }

  markDirty(): void {}

  accessed(): void {}

  #put(stream: SeenStreamState): void {
    invariant(stream.lifecycle !== "deleted", "a stream that is gone isn't kept");
    this.#byId.set(stream.id, stream);
    // One without a name yet may never get it, where another stream has it.
    if (stream.isNamed) this.#byName.set(stream.name, stream);
    if (this.#byId.size > this.#shrinkAt) this.#shrink();
  }

  #forget(stream: SeenStreamState): void {
    this.#byId.delete(stream.id);
    if (this.#byName.get(stream.name)?.id === stream.id) this.#byName.delete(stream.name);
  }

  #shrink(): void {
    for (const stream of this.#byId.values()) {
      if (!this.#isPinned(stream)) this.#forget(stream);
    }
    this.#shrinkAt = Math.max(LIMIT, 2 * this.#byId.size);
  }
}

function unnamed(
  id: number,
  name: string,
  state: { tail: number; sequence: number; sinceMs: number },
): SeenStreamState {
  const identity = { id, name, contentType: "", lifetime: FOREVER, fork: undefined };
  return new SeenStreamState(identity, { ...state, isNamed: false });
}

function keyOf({ prefix, after }: NameRange): string {
  return `${prefix ?? ""}\0${after ?? ""}`;
}
