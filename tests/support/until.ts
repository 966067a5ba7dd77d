import { ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** No figure: what takes longer, on a machine however busy, doesn't come about. */
const LIMIT_MS = 60_000;
const STEP_MS = 20;

/** Waits for what comes about by itself, for a bounded time. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  message: () => string,
): Promise<void> {
  for (const endMs = Date.now() + LIMIT_MS; !await isSo();) {
    ok(Date.now() < endMs, message());
    await sleep(STEP_MS);
  }
}
