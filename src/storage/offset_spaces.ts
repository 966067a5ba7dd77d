import { quote, StreamError } from "../protocol/errors.ts";
import {
  formatOffset,
  OFFSET_SPACES,
  type OffsetSpace,
  type ReadFrom,
  spaceAt,
  type StreamOffset,
} from "../protocol/offset.ts";
import type { Backend } from "./backend.ts";
import type { Stream } from "./stream.ts";

/** So many digits of a storage's identity set its spaces apart from another's. */
const SALT_DIGITS = 8;

/**
 * Which offset space each stream counts in: its own, and a fork in its source's up to the fork point
 * (PROTOCOL §8). A space is a stream's id and a salt of the storage's: no two streams of a storage have
 * the same, and those of a storage that was wiped, whose ids begin anew, are others.
 */
export class OffsetSpaces {
  readonly #backend: Pick<Backend, "identity" | "summary">;
  readonly #salt: number;

  constructor(backend: Pick<Backend, "identity" | "summary">) {
    this.#backend = backend;
    this.#salt = parseInt(backend.identity.slice(0, SALT_DIGITS), 16);
  }

  /**
   * The space that a stream's offsets are of.
   *
   * @throws {StreamError} `damaged` where a source is missing
   */
  of(stream: Stream): OffsetSpace {
    if (stream.fork === undefined) return this.#spaceOf(stream.id);
    return stream.forkedSpace ??= this.#ofFork(stream);
  }

  /**
   * As {@link of}, for the streams of a listing: sources that they share are looked up once, and one that
   * is damaged doesn't spoil it.
   */
  forListing(): (stream: Stream) => OffsetSpace {
    const ofSources = new Map<number, OffsetSpace>();
    return (stream) => {
      const { fork } = stream;
      if (fork === undefined || stream.forkedSpace !== undefined) return this.of(stream);
      let source = ofSources.get(fork.sourceId);
      if (source === undefined) {
        try {
          source = this.of(this.#backend.summary(fork.sourceId));
        } catch {
          source = this.#spaceOf(fork.sourceId);
        }
        ofSources.set(fork.sourceId, source);
      }
      return this.#behind(stream, source);
    };
  }

  /** Without recursion: forks of forks may be many. */
  #ofFork(stream: Stream): OffsetSpace {
    const forks: Stream[] = [];
    let at = stream;
    while (at.fork !== undefined && at.forkedSpace === undefined) {
      forks.push(at);
      at = this.#backend.summary(at.fork.sourceId);
    }
    let space = this.of(at);
    for (const fork of forks.reverse()) space = this.#behind(fork, space);
    return space;
  }

  #behind({ id, ownStart }: Stream, source: OffsetSpace): OffsetSpace {
    return { own: this.#spaceOf(id), point: ownStart, source };
  }

  #spaceOf(id: number): number {
    const space = this.#salt + id;
    return space < OFFSET_SPACES ? space : space % OFFSET_SPACES;
  }
}

/** Whether an offset is one of another space; a bare position is of any. */
export function isOfAnother(from: ReadFrom, space: OffsetSpace): from is StreamOffset {
  return typeof from === "object" && "space" in from &&
    from.space !== spaceAt(space, from.position);
}

/**
 * Checks that an offset is one of the space that a stream counts in.
 *
 * @param what what the offset is, for the error's message
 * @throws {StreamError} `offset_gone`
 */
export function checkSpace(what: string, from: ReadFrom, space: OffsetSpace): void {
  if (!isOfAnother(from, space)) return;
  throw new StreamError(
    { code: "offset_gone" },
    `${what} ${
      quote(formatOffset(from.space, from.position))
    } belongs to an earlier stream of this name, which is gone, or to another stream: begin at -1, ` +
      "the start.",
  );
}
