import { getLogger } from "@logtape/logtape";

const logger = getLogger(["durable-streams", "storage", "watch"]);

/** What is called when a stream has changed. */
export type Watcher = () => void;

/**
 * Calls a watcher. It may be anybody's code, and is called where a batch is being answered: what it
 * throws, or rejects with, is logged and ends nothing.
 */
export function callWatcher(watcher: Watcher): void {
  try {
    // An `async` function passes for one that returns nothing.
    const outcome: unknown = watcher();
    if (outcome instanceof Promise) outcome.catch(logFailure);
  } catch (error) {
    logFailure(error);
  }
}

function logFailure(error: unknown): void {
  logger.error("A watcher of a stream failed: {error}", { error });
}
