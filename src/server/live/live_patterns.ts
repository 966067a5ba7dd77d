import type { Clock } from "../../env/clock.ts";
import { CallbackDeadline, DeadlineQueue } from "../../env/deadline_queue.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { literalPrefix, matches, type Pattern } from "../../protocol/name_pattern.ts";
import { spaceAt, type StreamOffset } from "../../protocol/offset.ts";
import type { ListPage, Storage } from "../../storage/storage.ts";
import { yieldToEventLoop } from "../../storage/yield_to_event_loop.ts";

/** New streams are looked for this often. */
const LOOK_MS = 1000;
/** So many names are looked at for a pattern. */
const LOOKS_LIMIT = 20_000;
/** Names that are looked at together. */
const PAGE = 1000;

/** A stream that a pattern means. */
export interface FoundStream {
  readonly name: string;
  readonly id: number;
  readonly tail: StreamOffset;
}

/** Who is told of a pattern's streams. */
export interface PatternListener {
  /** Streams that weren't there at the look before. */
  found(streams: readonly FoundStream[]): void;
  /** They can't be looked for. */
  failed(error: unknown): void;
}

/** One pattern, and who wants to know its streams. */
interface Watched {
  readonly pattern: Pattern;
  readonly listeners: Map<object, PatternListener>;
  /** Those who haven't had a look of their own yet: it brings them all that there is. */
  readonly newcomers: Set<object>;
  /** The ids at the last look, by the names. */
  known: ReadonlyMap<string, number>;
  looking: Promise<readonly FoundStream[]> | undefined;
}

/** Looks for the streams of patterns: once a second, and once for all who have the same pattern. */
export class LivePatterns {
  readonly #storage: Pick<Storage, "list">;
  readonly #watched = new Map<string, Watched>();
  readonly #deadlines: DeadlineQueue;
  readonly #nextLook = new CallbackDeadline(() => void this.#lookAll());

  constructor(storage: Pick<Storage, "list">, clock: Clock) {
    this.#storage = storage;
    this.#deadlines = new DeadlineQueue(clock, LOOK_MS);
  }

  /**
   * The streams of a pattern as they are now; the listener hears of those that come later.
   *
   * @param owner who leaves with it
   * @throws {StreamError} `invalid_query` where more names would have to be looked at than are
   */
  async join(
    owner: object,
    pattern: Pattern,
    listener: PatternListener,
  ): Promise<readonly FoundStream[]> {
    const key = pattern.segments.join("/");
    let watched = this.#watched.get(key);
    if (watched === undefined) {
      watched = {
        pattern,
        listeners: new Map(),
        newcomers: new Set(),
        known: new Map(),
        looking: undefined,
      };
      this.#watched.set(key, watched);
    }
    // At once, so that an owner who leaves meanwhile is forgotten.
    watched.listeners.set(owner, listener);
    watched.newcomers.add(owner);
    if (!this.#nextLook.isQueued) this.#deadlines.add(this.#nextLook, 1);
    try {
      return await this.#look(watched);
    } catch (error) {
      this.#forgetIn(key, watched, owner);
      throw error;
    } finally {
      watched.newcomers.delete(owner);
    }
  }

  /** Ends an owner's interest in all patterns. */
  forget(owner: object): void {
    for (const [key, watched] of this.#watched) this.#forgetIn(key, watched, owner);
  }

  #forgetIn(key: string, watched: Watched, owner: object): void {
    if (!watched.listeners.delete(owner) || watched.listeners.size > 0) return;
    if (this.#watched.get(key) === watched) this.#watched.delete(key);
  }

  async #lookAll(): Promise<void> {
    for (const [key, watched] of [...this.#watched]) {
      try {
        await this.#look(watched);
      } catch (error) {
        // A storage that can't be asked now may be again in a second.
        if (!(error instanceof StreamError) || error.code !== "invalid_query") continue;
        for (const [owner, listener] of [...watched.listeners]) {
          // A newcomer's own look tells it.
          if (watched.newcomers.has(owner)) continue;
          this.#forgetIn(key, watched, owner);
          listener.failed(error);
        }
      }
    }
    if (this.#watched.size > 0 && !this.#nextLook.isQueued) this.#deadlines.add(this.#nextLook, 1);
  }

  /** All of a pattern's streams; whoever has had a look before is told of the new ones. */
  async #look(watched: Watched): Promise<readonly FoundStream[]> {
    while (watched.looking !== undefined) await watched.looking.catch(() => {});
    const looking = this.#list(watched.pattern);
    watched.looking = looking;
    try {
      const found = await looking;
      const added = found.filter(({ name, id }) => watched.known.get(name) !== id);
      watched.known = new Map(found.map(({ name, id }) => [name, id]));
      if (added.length > 0) {
        for (const [owner, listener] of watched.listeners) {
          if (!watched.newcomers.has(owner)) listener.found(added);
        }
      }
      return found;
    } finally {
      watched.looking = undefined;
    }
  }

  async #list(pattern: Pattern): Promise<readonly FoundStream[]> {
    const prefix = literalPrefix(pattern);
    const found: FoundStream[] = [];
    let after: string | undefined = "";
    for (let looked = 0; after !== undefined;) {
      const page: ListPage = await this.#storage.list({ prefix, after, limit: PAGE });
      looked += page.streams.length;
      for (const { name, id, space, tail } of page.streams) {
        if (!matches(pattern, name)) continue;
        found.push({ name, id, tail: { space: spaceAt(space, tail), position: tail } });
      }
      after = page.next;
      if (after === undefined) break;
      if (looked >= LOOKS_LIMIT) throw tooMany(pattern, prefix);
      await yieldToEventLoop();
    }
    return found;
  }
}

function tooMany({ text }: Pattern, prefix: string): StreamError {
  return new StreamError(
    { code: "invalid_query" },
    `The pattern ${
      quote(text)
    } means looking at more than ${LOOKS_LIMIT} streams, those whose names begin ` +
      `with ${quote(prefix)}: give one whose first segments say more.`,
  );
}
