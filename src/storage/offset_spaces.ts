import { quote, StreamError } from "../protocol/errors.ts";
import {
  formatOffset,
  OFFSET_SPACES,
  type ReadFrom,
  type StreamOffset,
} from "../protocol/offset.ts";
import type { Backend } from "./backend.ts";
import type { Stream } from "./stream.ts";

/** So many digits of a storage's identity set its spaces apart from another's. */
const SALT_DIGITS = 8;

/**
 * Which offset space each stream counts in: a fork in its source's, a fork of a fork in that of the first
 * of them (PROTOCOL §8). A space is the first one's id and a salt of the storage's: no two streams of a
 * storage have the same, and those of a storage that was wiped, whose ids begin anew, are others.
 */
export class OffsetSpaces {
  readonly #backend: Pick<Backend, "identity" | "glimpse">;
  readonly #salt: number;

  constructor(backend: Pick<Backend, "identity" | "glimpse">) {
    this.#backend = backend;
    this.#salt = parseInt(backend.identity.slice(0, SALT_DIGITS), 16);
  }

  /**
   * The space that a stream's offsets are of.
   *
   * @throws {StreamError} `damaged` where a source is missing
   */
  of(stream: Stream): number {
    if (stream.rootId === 0) stream.rootId = this.#findRoot(stream);
    return this.#spaceOf(stream.rootId);
  }

  /**
   * As {@link of}, for the streams of a listing: sources that they share are looked up once, and one that
   * is damaged doesn't spoil it.
   */
  forListing(): (stream: Stream) => number {
    const roots = new Map<number, number>();
    return (stream) => {
      const { fork } = stream;
      if (stream.rootId !== 0 || fork === undefined) return this.of(stream);
      let rootId = roots.get(fork.sourceId);
      if (rootId === undefined) {
        try {
          rootId = this.#findRoot(stream);
        } catch {
          rootId = fork.sourceId;
        }
        roots.set(fork.sourceId, rootId);
      }
      return this.#spaceOf(rootId);
    };
  }

  #findRoot(stream: Stream): number {
    let at = stream;
    while (at.rootId === 0 && at.fork !== undefined) at = this.#backend.glimpse(at.fork.sourceId);
    return at.rootId;
  }

  #spaceOf(rootId: number): number {
    const space = this.#salt + rootId;
    return space < OFFSET_SPACES ? space : space % OFFSET_SPACES;
  }
}

/** Whether an offset is one of another space; a bare position is of any. */
export function isOfAnother(from: ReadFrom, space: number): from is StreamOffset {
  return typeof from === "object" && "space" in from && from.space !== space;
}

/**
 * Checks that an offset is one of the space that a stream counts in.
 *
 * @param what what the offset is, for the error's message
 * @throws {StreamError} `offset_gone`
 */
export function checkSpace(what: string, from: ReadFrom, space: number): void {
  if (!isOfAnother(from, space)) return;
  throw new StreamError(
    { code: "offset_gone" },
    `${what} ${
      quote(formatOffset(from.space, from.position))
    } belongs to an earlier stream of this name, which is gone, or to another stream: begin at -1, ` +
      "the start.",
  );
}
