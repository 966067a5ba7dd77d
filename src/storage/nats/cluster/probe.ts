import { KIND } from "../format/kinds.ts";
import { FrameWriter } from "../format/binary.ts";
import type { JetStream } from "../jetstream.ts";
import type { Publisher } from "./publisher.ts";
import type { Subjects } from "./subjects.ts";

/**
 * Finds out whether the cluster takes messages again, after one came to nothing: a front end that says it
 * isn't ready may be asked nothing more, and would never learn it otherwise.
 */
export class Probe {
  readonly #jetStream: JetStream;
  readonly #subjects: Subjects;
  readonly #publisher: Publisher;
  #isRunning = false;
  #expectedSequence = 0;

  constructor(jetStream: JetStream, subjects: Subjects, publisher: Publisher) {
    this.#jetStream = jetStream;
    this.#subjects = subjects;
    this.#publisher = publisher;
  }

  /** To be called about once a second. */
  tick(): void {
    if (this.#publisher.failure === undefined || this.#isRunning) return;
    this.#isRunning = true;
    void this.#run().finally(() => this.#isRunning = false);
  }

  async #run(): Promise<void> {
    const outcome = await this.#jetStream.publish({
      log: this.#subjects.metaLog,
      subject: this.#subjects.probe,
      payload: new FrameWriter(KIND.probe).seal(),
      expectedSequence: this.#expectedSequence,
    });
    if (outcome.kind === "stored") {
      this.#expectedSequence = outcome.sequence;
      this.#publisher.failure = undefined;
    } else if (outcome.kind === "refused" && outcome.lastSequence !== undefined) {
      // Another front end's was stored: the next one says whether this one's can be.
      this.#expectedSequence = outcome.lastSequence;
    }
  }
}
