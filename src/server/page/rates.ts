import { StreamError } from "../../protocol/errors.ts";
import { formatOffset } from "../../protocol/offset.ts";
import type { Storage, StreamInfo } from "../../storage/storage.ts";

/** So many streams are compared at once by all pages that one thread serves: a look at each is a look into memory. */
const STREAMS_LIMIT = 512;

/** How fast a stream grows. */
export interface Rate {
  /** Where its tail is; null while that isn't known, or where the stream can't be read. */
  readonly tail: string | null;
  readonly bytesPerS: number | null;
}

interface Compared {
  pages: number;
  last: { readonly info: StreamInfo; readonly atMs: number } | undefined;
  isAsked: boolean;
  rate: Rate;
}

const UNKNOWN: Rate = { tail: null, bytesPerS: null };

/** The streams whose rates pages compare: each is asked for once a second, however many pages do. */
export class Rates {
  readonly #storage: Pick<Storage, "head">;
  readonly #compared = new Map<string, Compared>();

  constructor(storage: Pick<Storage, "head">) {
    this.#storage = storage;
  }

  /**
   * A page begins to compare these.
   *
   * @throws {StreamError} `too_many_readers`, and then none of them is added
   */
  add(names: readonly string[]): void {
    const added = names.filter((name) => !this.#compared.has(name)).length;
    if (this.#compared.size + added > STREAMS_LIMIT) {
      throw new StreamError(
        { code: "too_many_readers" },
        `The pages that one thread serves compare ${STREAMS_LIMIT} streams at most, all together: try again, or ` +
          "without rates.",
      );
    }
    for (const name of names) {
      const known = this.#compared.get(name);
      if (known !== undefined) known.pages++;
      else this.#compared.set(name, { pages: 1, last: undefined, isAsked: false, rate: UNKNOWN });
    }
  }

  /** A page ends to. */
  remove(names: readonly string[]): void {
    for (const name of names) {
      const compared = this.#compared.get(name);
      if (compared !== undefined && --compared.pages === 0) this.#compared.delete(name);
    }
  }

  /** What is known of these. */
  of(names: readonly string[]): Record<string, Rate> {
    return Object.fromEntries(
      names.map((name) => [name, this.#compared.get(name)?.rate ?? UNKNOWN]),
    );
  }

  /** Asks how far each of them goes, but for those that haven't been answered for yet. */
  read(nowMs: number): void {
    for (const [name, compared] of this.#compared) {
      if (compared.isAsked) continue;
      compared.isAsked = true;
      this.#storage.head(name).then(
        (info) => take(compared, info, nowMs),
        () => {
          compared.last = undefined;
          compared.rate = UNKNOWN;
        },
      ).finally(() => compared.isAsked = false);
    }
  }
}

function take(compared: Compared, info: StreamInfo, atMs: number): void {
  const { last } = compared;
  const isSame = last !== undefined && last.info.id === info.id && atMs > last.atMs;
  const grown = isSame ? info.tail - last.info.tail : undefined;
  const seconds = isSame ? (atMs - last.atMs) / 1000 : 1;
  compared.last = { info, atMs };
  compared.rate = {
    tail: formatOffset(info.space, info.tail),
    bytesPerS: grown === undefined ? null : Math.round(grown / seconds),
  };
}
