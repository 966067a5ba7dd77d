import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { compactedUpToOf } from "../common/compacted_up_to.ts";
import {
  encodeLiveData,
  encodeLiveEvent,
  type LivePayload,
  livePayloadOf,
  sendableLiveLength,
} from "../../protocol/live_events.ts";
import { formatOffset, type OffsetSpace, spaceAt } from "../../protocol/offset.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { ReadResult, Storage, Watch } from "../../storage/storage.ts";
import type { EntryTopic, LiveEntry } from "./live_entry.ts";

/** So much of one stream is sent before the others of a connection have their turn. */
export const TURN_BYTES = 16 * 1024;

/**
 * One stream, and those connections that follow it among others. New data is read and encoded once for
 * all that are at the same offset.
 */
export class LiveTopic implements EntryTopic {
  readonly id: number;
  readonly #storage: Storage;
  readonly #name: string;
  readonly #payload: LivePayload;
  readonly #onEnd: (topic: LiveTopic) => void;
  readonly #entries: LiveEntry[] = [];
  #space: OffsetSpace;
  #isWatched = false;
  /** How often the stream has changed, as far as its watch tells. */
  #changes = 0;
  /** What the last read has shown, where the stream hasn't changed since. */
  #seen: { readonly tail: number; readonly closed: boolean } | undefined;
  #watch: Promise<Watch> | undefined;
  #isPumping = false;
  #allAreDue = false;
  readonly #due = new Set<LiveEntry>();

  /** @param onEnd called once nobody follows it */
  constructor(
    storage: Storage,
    name: string,
    first: ReadResult,
    onEnd: (topic: LiveTopic) => void,
  ) {
    this.id = first.id;
    this.#storage = storage;
    this.#name = name;
    this.#space = first.space;
    this.#onEnd = onEnd;
    this.#payload = livePayloadOf(first.contentType);
  }

  /** How many connections follow it. */
  get size(): number {
    return this.#entries.length;
  }

  /** That of the stream's offsets. */
  get space(): OffsetSpace {
    return this.#space;
  }

  /** Adds a connection's interest, which gets nothing before {@link follow}. */
  add(entry: LiveEntry): void {
    entry.index = this.#entries.length;
    this.#entries.push(entry);
  }

  /** Takes one out; with the last one it ends. */
  forget(entry: LiveEntry): void {
    if (!this.#has(entry)) return;
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#entries[entry.index] = last;
      last.index = entry.index;
    }
    this.#due.delete(entry);
    if (this.#entries.length > 0) return;
    this.#onEnd(this);
    this.#watch?.then((watch) => watch.cancel(), () => {});
  }

  #has(entry: LiveEntry): boolean {
    return this.#entries[entry.index] === entry;
  }

  /** Sends whatever comes from now on. @param first what was read for it before */
  follow(entry: LiveEntry, first: Pick<ReadResult, "tail" | "closed">): void {
    if (!this.#has(entry)) return;
    if (this.#isWatched) {
      if (!this.#isUpToDate(entry, first)) this.serve(entry);
      return;
    }
    this.#watch ??= this.#startWatch();
    // Data between the first read and the watch is looked for once the watch is set.
    this.#watch.then(() => this.serve(entry), (error) => this.#fail([entry], error));
  }

  async #startWatch(): Promise<Watch> {
    const watch = await this.#storage.watch(this.#name, () => {
      this.#changes++;
      this.#seen = undefined;
      this.#allAreDue = true;
      void this.#pump();
    });
    this.#isWatched = true;
    return watch;
  }

  /** Whether there is nothing behind what was read for an entry, as a read for others has shown. */
  #isUpToDate(entry: LiveEntry, first: Pick<ReadResult, "tail" | "closed">): boolean {
    const { tail, closed } = this.#seen ?? {};
    return entry.turn !== "waiting" && entry.position === tail && first.tail === tail &&
      first.closed === closed;
  }

  /** Sends what there is for one connection. */
  serve(entry: LiveEntry): void {
    this.#due.add(entry);
    void this.#pump();
  }

  /** Sends a chunk to those that are at its start. */
  deliver(chunk: ReadResult, entries: Iterable<LiveEntry>): void {
    this.#space = chunk.space;
    const atTail = chunk.next === chunk.tail;
    const isClosed = atTail && chunk.closed;
    const length = isClosed ? chunk.data.length : sendableLiveLength(chunk.data, this.#payload);
    // Behind a chunk may be a gap that a compaction has left.
    const position = length === chunk.data.length ? chunk.next : chunk.start + length;
    let data: Bytes | undefined;
    let closed: Bytes | undefined;
    for (const entry of entries) {
      if (entry.hasEnded) continue;
      const { connection } = entry;
      if (entry.position !== chunk.start || !connection.hasRoom) {
        connection.wait(entry);
        continue;
      }
      if (length > 0) {
        data ??= this.#encode(chunk, length, atTail);
        entry.position = position;
        connection.push(data);
      }
      if (isClosed) {
        closed ??= this.#encodeClosed(position);
        connection.push(closed);
        entry.end(position);
      } else if (!atTail) connection.wait(entry);
      else connection.finishTurn(entry);
    }
  }

  #encode(chunk: ReadResult, length: number, upToDate: boolean): Bytes {
    const nextOffset = formatOffset(
      chunk.space,
      length === chunk.data.length ? chunk.next : chunk.start + length,
    );
    const compactedUpTo = compactedUpToOf(chunk);
    const head = { stream: this.#name, nextOffset, upToDate, compactedUpTo };
    return encodeLiveData(head, chunk.data.subarray(0, length), this.#payload);
  }

  #encodeClosed(position: number): Bytes {
    const nextOffset = formatOffset(this.#space, position);
    return encodeLiveEvent("closed", { stream: this.#name, nextOffset });
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#allAreDue || this.#due.size > 0) {
        const entries = this.#allAreDue ? this.#entries.slice() : [...this.#due];
        this.#allAreDue = false;
        this.#due.clear();
        await this.#pass(entries);
      }
    } finally {
      this.#isPumping = false;
    }
  }

  async #pass(all: readonly LiveEntry[]): Promise<void> {
    for (const [position, entries] of this.#groupsOf(all)) {
      try {
        this.deliver(await this.#read(position), entries);
      } catch (error) {
        this.#fail(entries, error);
      }
    }
  }

  /** Those that may have something now, by where they are; the others wait. */
  #groupsOf(entries: readonly LiveEntry[]): Map<number, LiveEntry[]> {
    const groups = new Map<number, LiveEntry[]>();
    let group: LiveEntry[] | undefined;
    let groupAt = -1;
    for (const entry of entries) {
      if (entry.hasEnded) continue;
      const { connection, position } = entry;
      // Where others wait it waits behind them: one that is written to all the time would always be first.
      const isInTurn = entry.turn === "reading" || !connection.isBehind;
      if (!isInTurn || !connection.mayPush) {
        connection.wait(entry);
        connection.takeTurns();
        continue;
      }
      // Nearly all are at the same place: one look for each is enough.
      if (position !== groupAt || group === undefined) {
        group = groups.get(position) ?? [];
        groups.set(position, group);
        groupAt = position;
      }
      group.push(entry);
    }
    return groups;
  }

  /** The next chunk. One of which nothing may go out yet is read on from: nobody would get past it else. */
  async #read(position: number): Promise<ReadResult> {
    const from = { space: spaceAt(this.#space, position), position };
    let chunk = await this.#readAt(from);
    while (chunk.next < chunk.tail && sendableLiveLength(chunk.data, this.#payload) === 0) {
      const rest = await this.#readAt({
        space: spaceAt(chunk.space, chunk.next),
        position: chunk.next,
      });
      chunk = { ...rest, start: chunk.start, data: concatBytes([chunk.data, rest.data]) };
    }
    return chunk;
  }

  async #readAt(from: { space: number; position: number }): Promise<ReadResult> {
    const changes = this.#isWatched ? this.#changes : -1;
    const chunk = await this.#storage.read(this.#name, from, TURN_BYTES);
    if (chunk.id === this.id) {
      if (changes === this.#changes) this.#seen = { tail: chunk.tail, closed: chunk.closed };
      return chunk;
    }
    // Another fork of the same source, which shares its space up to the fork point.
    throw new StreamError(
      { code: "offset_gone" },
      "The stream was deleted, and made again: begin at -1, the start.",
    );
  }

  #fail(entries: readonly LiveEntry[], error: unknown): void {
    for (const entry of entries) entry.fail(error);
  }
}
