import { sleep } from "../../../client/transport/sleep.ts";
import type { Clock } from "../../../env/clock.ts";

/** How often new streams are looked for. */
const LIST_INTERVAL_MS = 5_000;

/** Which streams are followed, and how. */
export interface FollowOptions {
  readonly clock: Clock;
  readonly names: readonly string[];
  /** Lists the current names; undefined if no later streams are followed. */
  readonly listNames: (() => Promise<readonly string[]>) | undefined;
  /**
   * Follows one stream to its end; resolves to the exit code for it.
   *
   * @param isNew it was created later than the others: all its content is new
   * @throws {unknown} a failure that ends the following of all
   */
  follow(name: string, isNew: boolean, signal: AbortSignal): Promise<number>;
  /** Whether it has ended because it was deleted, so that one of its name that is listed is another. */
  wasDeleted(name: string): boolean;
}

/**
 * Follows several streams, and with `listNames` those that are created later, until all of them have
 * ended. Resolves to their exit codes.
 *
 * @throws {unknown} the first error of `follow` or `listNames`; the others are ended then
 */
export async function followStreams(options: FollowOptions): Promise<readonly number[]> {
  const { clock, names, listNames } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const known = new Set<string>();
  const running = new Set<Promise<void>>();
  const exitCodes: number[] = [];
  const begin = (name: string, isNew: boolean) => {
    known.add(name);
    const run: Promise<void> = options.follow(name, isNew, signal)
      .then((code) => {
        exitCodes.push(code);
        if (options.wasDeleted(name)) known.delete(name);
      }, (error) => stop.abort(error))
      .finally(() => running.delete(run));
    running.add(run);
  };
  for (const name of names) begin(name, false);
  while (running.size > 0) {
    const ended = Promise.all(running);
    if (listNames === undefined) await ended;
    else await endedOrLate(ended, clock);
    if (listNames === undefined || signal.aborted) continue;
    try {
      for (const name of await listNames()) if (!known.has(name)) begin(name, true);
    } catch (error) {
      stop.abort(error);
    }
  }
  signal.throwIfAborted();
  return exitCodes;
}

async function endedOrLate(ended: Promise<unknown>, clock: Clock): Promise<void> {
  const timer = new AbortController();
  const late = sleep(clock, LIST_INTERVAL_MS, timer.signal).catch(() => {});
  await Promise.race([ended, late]);
  timer.abort();
}
