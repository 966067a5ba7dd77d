import type { Clock } from "../../../env/clock.ts";

/** Since when the log holds what no checkpoint has stored. All times in ms since 1970. */
export class LogAge {
  /** When the oldest record was written that no checkpoint has begun to store. */
  #oldestMs: number | undefined;
  /** The same of what the running checkpoint stores. */
  #storingMs: number | undefined;

  /** A batch was written. */
  onBatch(clock: Clock): void {
    if (this.#oldestMs === undefined) this.#oldestMs = clock.nowMs();
  }

  /** A checkpoint begins, or begins once more. */
  onCheckpointStart(): void {
    this.#storingMs ??= this.#oldestMs;
    this.#oldestMs = undefined;
  }

  /** @param isStored whether all that was there when it began is in the catalogue */
  onCheckpointEnd(isStored: boolean): void {
    if (!isStored) this.#oldestMs = this.#storingMs ?? this.#oldestMs;
    this.#storingMs = undefined;
  }

  /** How old the oldest is, in seconds; 0 without any. */
  ageSeconds(nowMs: number): number {
    const sinceMs = this.#storingMs ?? this.#oldestMs;
    return sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs) / 1000;
  }
}
