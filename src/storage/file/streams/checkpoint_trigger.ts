import type { Clock } from "../../../env/clock.ts";
import type { Effect } from "../../journal.ts";
import type { SubscriptionRegistry } from "../../subscriptions/registry.ts";
import type { LogWriter } from "../wal/writer.ts";
import type { Checkpointer } from "./checkpoint.ts";
import type { DirtyStreams } from "./dirty_streams.ts";

/** What a {@link CheckpointTrigger} looks at. */
export interface CheckpointTriggerParts {
  clock: Clock;
  log: Pick<LogWriter<never>, "writtenBytes" | "shortage">;
  dirty: Pick<DirtyStreams, "count">;
  subscriptions: Pick<SubscriptionRegistry, "dirtyCount">;
  checkpointer: Pick<Checkpointer, "request" | "run" | "shortage">;
  /** As in `StorageLimits`. */
  limits: {
    readonly checkpointLogBytes: number;
    readonly checkpointStreams: number;
    readonly checkpointIntervalMs: number;
  };
}

/** Begins a checkpoint where enough was written, enough time went by, or a full disk may have room. */
export class CheckpointTrigger {
  readonly #parts: CheckpointTriggerParts;
  #checkpointedBytes = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: CheckpointTriggerParts) {
    this.#parts = parts;
    this.#startTimer();
  }

  /** A batch is durable. */
  onBatch(effects: readonly Effect[]): void {
    const { log, checkpointer, limits } = this.#parts;
    const isFull = (checkpointer.shortage ?? log.shortage.kind) === "no_space";
    // What deleted streams leave may be room enough.
    if (isFull && effects.some(({ stream }) => stream.lifecycle !== "there")) {
      void checkpointer.run();
    } else if (
      log.writtenBytes - this.#checkpointedBytes > limits.checkpointLogBytes ||
      this.#dirtyRows > limits.checkpointStreams
    ) checkpointer.request();
  }

  /** A checkpoint begins: the log is counted from here. */
  onCheckpointStart(): void {
    this.#checkpointedBytes = this.#parts.log.writtenBytes;
  }

  /** None is begun for the time that went by. */
  stop(): void {
    this.#cancelTimer?.();
  }

  /** How much there is to store: streams, subscriptions and their cursors. */
  get #dirtyRows(): number {
    const { dirty, subscriptions } = this.#parts;
    return dirty.count + subscriptions.dirtyCount;
  }

  #startTimer(): void {
    const { clock, checkpointer, limits } = this.#parts;
    this.#cancelTimer = clock.setTimer(limits.checkpointIntervalMs, () => {
      if (this.#dirtyRows > 0) checkpointer.request();
      this.#startTimer();
    });
  }
}
