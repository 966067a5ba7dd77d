import { quote, StreamError } from "../protocol/errors.ts";
import {
  formatOffset,
  OFFSET_SPACES,
  type OffsetSpace,
  type ReadFrom,
  spaceAt,
  type StreamOffset,
} from "../protocol/offset.ts";
import type { ForkOrigin } from "./records.ts";
import type { StreamInfo } from "./storage.ts";
import type { Stream } from "./stream.ts";
import { missingSource, type Streams } from "./streams.ts";

/** So many digits of a storage's identity set its spaces apart from another's. */
const SALT_DIGITS = 8;

/**
 * Which offset space each stream counts in: its own, and a fork in its source's up to the fork point
 * (PROTOCOL §8). A space is a stream's id and a salt of the storage's: no two streams of a storage have
 * the same, and those of a storage that was wiped, whose ids begin anew, are others.
 */
export class OffsetSpaces {
  readonly #streams: Pick<Streams, "summary">;
  readonly #salt: number;

  /** @param identity the storage's */
  constructor(identity: string, streams: Pick<Streams, "summary">) {
    this.#streams = streams;
    this.#salt = parseInt(identity.slice(0, SALT_DIGITS), 16);
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
          source = this.of(this.#sourceOf(fork));
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
      at = this.#sourceOf(at.fork);
    }
    let space = this.of(at);
    for (const fork of forks.reverse()) space = this.#behind(fork, space);
    return space;
  }

  #sourceOf({ sourceId }: ForkOrigin): Stream {
    const source = this.#streams.summary(sourceId);
    if (source === undefined) throw missingSource(sourceId);
    return source;
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

/**
 * Checks that a position is in a stream.
 *
 * @throws {StreamError} `offset_past_tail`
 */
export function checkReached(
  { space, tail }: Pick<StreamInfo, "space" | "tail">,
  position: number,
): void {
  if (position <= tail) return;
  throw new StreamError(
    { code: "offset_past_tail" },
    `The offset ${formatOffset(space, position)} is past the stream's tail, ${
      formatOffset(space, tail)
    }.`,
  );
}
