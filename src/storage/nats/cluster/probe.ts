import type { Clock } from "../../../env/clock.ts";
import { KIND } from "../format/kinds.ts";
import { FrameWriter } from "../format/binary.ts";
import type { JetStream } from "../jetstream.ts";
import type { ClusterHealth } from "./cluster_health.ts";
import { ServerSwitch } from "./server_switch.ts";
import type { Subjects } from "./subjects.ts";

/**
 * Finds out whether the cluster takes messages again, after one came to nothing: a front end that says it
 * isn't ready may be asked nothing more, and would never learn it otherwise.
 */
export class Probe {
  readonly #jetStream: JetStream;
  readonly #subjects: Subjects;
  readonly #health: ClusterHealth;
  readonly #serverSwitch: ServerSwitch;
  #isRunning = false;
  #expectedSequence = 0;

  constructor(jetStream: JetStream, subjects: Subjects, health: ClusterHealth, clock: Clock) {
    this.#serverSwitch = new ServerSwitch(jetStream, health, clock);
    this.#jetStream = jetStream;
    this.#subjects = subjects;
    this.#health = health;
  }

  /** To be called about once a second. */
  tick(): void {
    this.#serverSwitch.tick();
    if (this.#health.failure === undefined || this.#isRunning) return;
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
      this.#health.recover();
    } else if (outcome.kind === "refused" && outcome.lastSequence !== undefined) {
      // Another front end's was stored: the next one says whether this one's can be.
      this.#expectedSequence = outcome.lastSequence;
    }
  }
}
