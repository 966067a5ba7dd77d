import { getLogger } from "@logtape/logtape";
import type { DamagedStream } from "../../status.ts";

const logger = getLogger(["durable-streams", "storage"]);

/** A status names at most this many. */
const NAMED = 20;

/**
 * The streams found damaged since the start: they take no appends, their undamaged bytes are still read,
 * and all other streams are served as before.
 */
export class DamagedStreams {
  readonly #streams = new Map<number, DamagedStream>();

  /** How many there are. */
  get count(): number {
    return this.#streams.size;
  }

  /** The first of them, for a status. */
  get named(): readonly DamagedStream[] {
    return [...this.#streams.values()].slice(0, NAMED);
  }

  /** Adds a stream; of several reasons the first stays. */
  add(stream: DamagedStream): void {
    if (this.#streams.has(stream.id)) return;
    this.#streams.set(stream.id, stream);
    logger.error(
      "Stream {name} (id {id}) is damaged and takes no appends, all others go on: {reason} " +
        "`durable-streams check` and `repair` say more once the server is stopped.",
      { ...stream, name: stream.name ?? "whose name can't be read" },
    );
  }

  /** Why a stream takes no appends; `undefined` where it does. */
  reasonOf(id: number): string | undefined {
    return this.#streams.get(id)?.reason;
  }

  /** Removes a stream that was deleted. */
  forget(id: number): void {
    this.#streams.delete(id);
  }
}
