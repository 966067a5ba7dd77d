import type { Clock } from "../../../env/clock.ts";
import { StreamError } from "../../../protocol/errors.ts";
import type { OffsetSpaces } from "../../offset_spaces.ts";
import type { Names } from "../cluster/names.ts";
import { isFree, type StreamDirectory } from "../streams/stream_directory.ts";
import type { SeenStreams, SeenStreamState } from "./seen_streams.ts";

/** So many names are looked up at once. */
const AT_ONCE = 32;
/** A stream that has no name for so long will never have one: whoever made it died, or lost the name. */
const UNNAMED_LIMIT_MS = 120_000;

/** What a {@link NameResolver} works on. */
export interface ResolverParts {
  readonly clock: Clock;
  readonly names: Names;
  readonly directory: StreamDirectory;
  readonly spaces: OffsetSpaces;
}

/** Looks up what messages don't say of streams: a stream's first message comes before its name's record. */
export class NameResolver {
  readonly #parts: ResolverParts;
  readonly #streams: SeenStreams;

  constructor(parts: ResolverParts, streams: SeenStreams) {
    this.#parts = parts;
    this.#streams = streams;
  }

  /**
   * Looks up streams that were seen.
   *
   * @returns those that have no name yet
   * @throws {StreamError} `storage_unreachable`
   */
  async name(seen: readonly SeenStreamState[]): Promise<SeenStreamState[]> {
    const left: SeenStreamState[] = [];
    await inTurns(seen, async (stream) => {
      if (!await this.#name(stream)) left.push(stream);
    });
    return left.filter(({ id }) => this.#streams.summary(id)?.isNamed === false);
  }

  /** Whether one is known not to get a name any more. */
  isForsaken({ sinceMs }: SeenStreamState): boolean {
    return this.#parts.clock.nowMs() - sinceMs > UNNAMED_LIMIT_MS;
  }

  /**
   * Makes sure that the streams of these names are known, as of a moment after the call.
   *
   * @throws {StreamError} `storage_unreachable`
   */
  async load(names: Iterable<string>): Promise<void> {
    await inTurns([...names], (name) => this.#load(name));
  }

  async #name({ id, name }: SeenStreamState): Promise<boolean> {
    const { names, clock } = this.#parts;
    const { record } = await names.find(name);
    if (record?.id !== id) return false;
    if (record.fork !== undefined) {
      await this.#load(name);
      return this.#streams.summary(id)?.isNamed === true;
    }
    const known = { tail: 0, closed: false, sequence: 0, isSoftlyDeleted: false };
    // Gone while it was looked for: its last message was seen, and no other ever comes.
    if (this.#streams.summary(id) === undefined) return true;
    const forkedSpace = undefined;
    this.#streams.name({ identity: record, forkedSpace, ...known }, clock.nowMs());
    return true;
  }

  async #load(name: string): Promise<void> {
    const { directory, spaces, clock } = this.#parts;
    try {
      const found = await directory.find(name);
      if (isFree(found)) return;
      const { tail, closed, sequence, lifecycle, fork } = found;
      this.#streams.name({
        identity: found,
        forkedSpace: fork && spaces.of(found),
        tail,
        closed,
        sequence,
        isSoftlyDeleted: lifecycle === "soft_deleted",
      }, clock.nowMs());
    } catch (error) {
      // One that can't be read holds up no other.
      if (!(error instanceof StreamError) || error.code !== "damaged") throw error;
    }
  }
}

async function inTurns<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) {
    await Promise.all(items.slice(at, at + AT_ONCE).map(run));
  }
}
