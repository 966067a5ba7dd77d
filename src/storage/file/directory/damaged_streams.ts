import { getLogger } from "@logtape/logtape";
import type { DamagedStream } from "../../status.ts";

const logger = getLogger(["durable-streams", "storage"]);

/** So many are named in a status. */
const NAMED = 20;

/**
 * The streams that damage has set aside since the start: they take no appends, what of them is right is
 * read on, and all others go on as if nothing had happened.
 */
export class DamagedStreams {
  readonly #streams = new Map<number, DamagedStream>();

  /** How many there are. */
  get count(): number {
    return this.#streams.size;
  }

  /** The first of them. */
  get named(): readonly DamagedStream[] {
    return [...this.#streams.values()].slice(0, NAMED);
  }

  /** Sets a stream aside; the first reason stays. */
  add(stream: DamagedStream): void {
    if (this.#streams.has(stream.id)) return;
    this.#streams.set(stream.id, stream);
    logger.error(
      "Stream {name} (id {id}) is damaged and takes no appends, all others go on: {reason} " +
        "`durable-streams check` and `repair` say more once the server is stopped.",
      { ...stream, name: stream.name ?? "whose name can't be read" },
    );
  }

  /** Why a stream was set aside; `undefined` where it wasn't. */
  reasonOf(id: number): string | undefined {
    return this.#streams.get(id)?.reason;
  }

  /** The stream is gone. */
  forget(id: number): void {
    this.#streams.delete(id);
  }
}
