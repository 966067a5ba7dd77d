/** How long what was read or written counts as being in the page cache. */
const WARM_MS = 60_000;
const GRANULE_BYTES = 64 * 1024;

/**
 * The ranges of a file that are most likely in the page cache, read or written a short time ago: there
 * a blocking read costs less than a third of one off the main thread. Where the system has taken the
 * pages away meanwhile, such a read holds up everyone else once, for as long as the disk takes.
 */
export class WarmRanges {
  /** When each part of the file was used last, in ms; 0 where it never was. */
  readonly #usedMs: number[] = [];

  /** Says that the bytes from `start` up to `end` were read or written. */
  use(start: number, end: number, nowMs: number): void {
    const last = Math.floor((end - 1) / GRANULE_BYTES);
    while (this.#usedMs.length <= last) this.#usedMs.push(0);
    for (let granule = Math.floor(start / GRANULE_BYTES); granule <= last; granule++) {
      this.#usedMs[granule] = nowMs;
    }
  }

  /** Whether all of the bytes from `start` up to `end` were used lately. */
  isWarm(start: number, end: number, nowMs: number): boolean {
    const last = Math.floor((end - 1) / GRANULE_BYTES);
    for (let granule = Math.floor(start / GRANULE_BYTES); granule <= last; granule++) {
      if (nowMs - (this.#usedMs[granule] ?? 0) > WARM_MS) return false;
    }
    return true;
  }
}
