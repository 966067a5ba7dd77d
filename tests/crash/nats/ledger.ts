import type { Bytes } from "../../../src/protocol/bytes.ts";
import { FOREVER, type Lifetime } from "../../../src/protocol/lifetime.ts";
import { type OffsetSpace, spaceAt } from "../../../src/protocol/offset.ts";
import { opIdAt, type Payload, standsAt } from "../history/payload.ts";
import { expect } from "../history/violation.ts";
import { lasts } from "./names.ts";
import { OffsetBook } from "./offset_book.ts";

/** What a client sent to be stored, however often. */
export interface Sent {
  readonly id: number;
  readonly name: string;
  readonly payload: Payload;
  /** Of a producer, whose batch may be sent again. */
  readonly isRepeatable: boolean;
  /** `unknown`: it may be stored, now or later. */
  outcome: "unknown" | "stored" | "absent";
  /** The stream that has it, if it was acknowledged. */
  space: number | undefined;
}

/** A call's place in the order of events and in time. */
export interface Span {
  readonly start: number;
  readonly startMs: number;
  end: number;
}

/** A stream, as an answer has shown it. */
export interface Seen {
  readonly space: OffsetSpace;
  readonly tail: number;
  readonly closed: boolean;
}

/** What is known for sure of one stream, by its own offset space. */
export interface KnownStream {
  readonly own: number;
  readonly name: string;
  /** When the call began that showed it first. */
  readonly firstSeen: number;
  /** When that call had ended: calls that begin later have to find it. */
  readonly shown: number;
  tail: number;
  closed: boolean;
  lifetime: Lifetime;
  /** It was used at this time or later, in ms since 1970. */
  usedMs: number;
}

/** What may be asked of a stream when a call begins: no answer may tell of less. */
export interface Floor {
  readonly streams: ReadonlyMap<number, { tail: number; closed: boolean }>;
}

/** What clients were told, and what no later answer may contradict. */
export class Ledger {
  readonly book = new OffsetBook();
  readonly sent = new Map<number, Sent>();
  readonly #known = new Map<number, KnownStream>();
  readonly #there = new Set<string>();
  /** Attempts to delete a name. */
  readonly #deletes: { readonly name: string; readonly span: Span }[] = [];

  /** Everything known before a call. */
  floor(): Floor {
    return {
      streams: new Map(
        [...this.#known.values()].map(({ own, tail, closed }) => [own, { tail, closed }]),
      ),
    };
  }

  noteDelete(name: string, span: Span): void {
    this.#deletes.push({ name, span });
  }

  /** An answer has shown a stream: it tells of all that was acknowledged before the call. */
  see(name: string, seen: Seen, floor: Floor, span: Span, what: string): KnownStream {
    const own = ownSpace(seen.space);
    const before = floor.streams.get(own);
    if (before !== undefined) {
      expect(
        seen.tail >= before.tail,
        `${what}: the tail is ${seen.tail}, and was ${before.tail} before the call began`,
      );
      expect(seen.closed || !before.closed, `${what}: the stream was closed, and isn't`);
      if (before.closed) expect(seen.tail === before.tail, `${what}: a closed stream has grown`);
    }
    const known = this.#known.get(own) ?? {
      own,
      name,
      firstSeen: span.start,
      shown: span.end,
      tail: 0,
      closed: false,
      // Of others it has to be told.
      lifetime: lasts(name) ? FOREVER : { kind: "until", expiresAtMs: 0 } as Lifetime,
      usedMs: 0,
    };
    expect(known.name === name, `${what}: it has the offsets of a stream ${known.name}`);
    this.#known.set(own, known);
    this.#there.add(name);
    known.tail = Math.max(known.tail, seen.tail);
    known.closed ||= seen.closed;
    return known;
  }

  /** Whether a name had no stream, as far as anybody was told last. */
  isUnknown(name: string): boolean {
    return !this.#there.has(name);
  }

  /** A name has a stream, or none, as somebody was just told. */
  noteThere(name: string, isThere: boolean): void {
    if (isThere) this.#there.add(name);
    else this.#there.delete(name);
  }

  /** How far the streams of a name are known to go; 0 where none is known. */
  tailOf(name: string): number {
    const streams = [...this.#known.values()].filter((known) => known.name === name);
    return Math.max(0, ...streams.map(({ tail }) => tail));
  }

  /** A name was said to have no stream: nothing that was acknowledged may be missing for it. */
  missing(name: string, span: Span, nowMs: number, what: string): void {
    this.#there.delete(name);
    for (const known of this.#known.values()) {
      if (known.name !== name || known.shown > span.start) continue;
      if (mayHaveExpired(known, nowMs)) continue;
      const mayBeDeleted = this.#deletes.some((each) =>
        each.name === name && each.span.end > known.firstSeen && each.span.start < span.end
      );
      expect(mayBeDeleted, `${what}: it was there, and nobody has deleted it`);
    }
  }

  /**
   * A stream from its start to its tail: only what was sent, whole, each once. Those that were acknowledged
   * to be in it have to be there. A fork may begin in the middle of one.
   */
  checkWhole(space: OffsetSpace, bytes: Bytes, what: string): void {
    const own = ownSpace(space);
    const points = forkPoints(space);
    const found = new Set<number>();
    for (let at = 0; at < bytes.length;) {
      const id = opIdAt(bytes, at);
      const sent = id === undefined ? undefined : this.sent.get(id);
      expect(sent !== undefined, `${what}: at ${at} there is nothing that anybody has sent`);
      const end = at + sent.payload.stored.length;
      const cut = points.find((point) => point > at && point < end) ?? end;
      const stored = sent.payload.stored.subarray(0, cut - at);
      expect(standsAt(bytes, at, stored), `${what}: op ${sent.id} at ${at} isn't whole`);
      expect(!found.has(sent.id), `${what}: op ${sent.id} is there twice`);
      expect(sent.outcome !== "absent", `${what}: op ${sent.id} was refused, and is there`);
      found.add(sent.id);
      at += stored.length;
    }
    for (const sent of this.sent.values()) {
      const isAcknowledged = sent.outcome === "stored" && sent.space === own;
      expect(
        !isAcknowledged || sent.payload.stored.length === 0 || found.has(sent.id),
        `${what}: op ${sent.id} was acknowledged, and is missing`,
      );
    }
  }
}

/** The space of the offsets behind a stream's fork point. */
export function ownSpace(space: OffsetSpace): number {
  return spaceAt(space, Number.MAX_SAFE_INTEGER);
}

/** Where the bytes of another stream begin, the least first. */
function forkPoints(space: OffsetSpace): number[] {
  const points: number[] = [];
  let least = Infinity;
  for (let level = space; typeof level !== "number"; level = level.source) {
    // A source that was left before its own point has nothing behind that to give.
    if (level.point < least) points.unshift(level.point);
    least = Math.min(least, level.point);
  }
  return points;
}

function mayHaveExpired({ lifetime, usedMs }: KnownStream, nowMs: number): boolean {
  switch (lifetime.kind) {
    case "forever":
      return false;
    case "until":
      return nowMs >= lifetime.expiresAtMs;
    case "ttl":
      return nowMs >= usedMs + lifetime.ttlSeconds * 1000;
  }
}
