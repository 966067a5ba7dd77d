import { getLogger } from "@logtape/logtape";

const log = getLogger(["durable-streams", "http"]);

const WARN_EVERY_MS = 10_000;

/** Logs that connections can't be taken, but not each time. */
export class AcceptWarning {
  #warnedAtMs = -Infinity;

  /** @param error why */
  warn(error: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < WARN_EVERY_MS) return;
    this.#warnedAtMs = nowMs;
    log.error("taking connections failed, listening again; is the open-file limit too low?", {
      error,
    });
  }
}
