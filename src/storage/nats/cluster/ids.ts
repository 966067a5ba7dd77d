import { StreamError } from "../../../protocol/errors.ts";
import type { JetStream } from "../jetstream.ts";
import { decodeIds, encodeIds } from "../format/meta_record.ts";
import type { Publisher } from "./publisher.ts";
import { readRecord } from "./stored_messages.ts";
import type { Subjects } from "./subjects.ts";
import { toStreamError } from "./unreachable.ts";

/** So many ids are taken at once. */
const BLOCK_IDS = 1024;
const MOST_RACES = 100;

/**
 * Numbers for new streams: never given twice, by whatever front end. Each takes blocks of them from one
 * counter of the cluster's; those that it doesn't use are lost.
 */
export class Ids {
  readonly #jetStream: JetStream;
  readonly #subjects: Subjects;
  readonly #publisher: Publisher;
  #next = 0;
  #end = 0;
  #taking: Promise<void> | undefined;

  constructor(jetStream: JetStream, subjects: Subjects, publisher: Publisher) {
    this.#jetStream = jetStream;
    this.#subjects = subjects;
    this.#publisher = publisher;
  }

  /**
   * A number that no stream ever had, greater than another stream's: a fork's has to be greater than its
   * source's, which another front end may have made with a newer block.
   *
   * @throws {StreamError} `damaged`, `storage_unreachable`
   */
  async newId(above: number): Promise<number> {
    if (this.#next <= above) this.#next = Math.min(this.#end, above + 1);
    while (this.#next >= this.#end || this.#next <= above) {
      this.#taking ??= this.#take().finally(() => this.#taking = undefined);
      await this.#taking;
    }
    return this.#next++;
  }

  async #take(): Promise<void> {
    const { metaLog, ids } = this.#subjects;
    for (let race = 0; race < MOST_RACES; race++) {
      let first = 1;
      let expectedSequence = 0;
      try {
        const stored = await this.#jetStream.lastMessage(metaLog, ids);
        if (stored !== undefined) {
          first = readRecord("the storage's ids", () => decodeIds(stored.payload));
          expectedSequence = stored.sequence;
        }
      } catch (error) {
        throw toStreamError(error);
      }
      const published = await this.#publisher.publish([{
        log: metaLog,
        subject: ids,
        payload: encodeIds(first + BLOCK_IDS),
        expectedSequence,
      }]);
      if (published.kind === "stored") {
        this.#next = first;
        this.#end = first + BLOCK_IDS;
        return;
      }
      // Where it was refused, it may be one's own that was stored: then a block is lost, which is as well.
      if (published.kind === "failed") throw published.error;
    }
    throw new StreamError(
      { code: "overloaded" },
      "Too many front ends take numbers for new streams at once. Try again.",
    );
  }
}
