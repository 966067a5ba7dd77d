import type { Permit } from "../../access/permit.ts";
import type { Clock } from "../../env/clock.ts";

/** Why a right ended, as a reader is told. */
export type PermitEnd = "expired" | "revoked";

/** The readers that end with a permit's signal: thousands may have the same, and it gets one listener. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `onEnd` once when a permit ends, at once where it has ended already. A permit without an end costs
 * nothing.
 *
 * @returns what stops that
 */
export function watchPermit(
  permit: Permit | undefined,
  clock: Clock,
  onEnd: (reason: PermitEnd) => void,
): () => void {
  if (permit === undefined) return () => {};
  const { expiresAtMs, signal } = permit;
  let isOver = false;
  let cancelTimer = () => {};
  let cancelSignal = () => {};
  const stop = () => {
    isOver = true;
    cancelTimer();
    cancelSignal();
  };
  const end = (reason: PermitEnd) => {
    if (isOver) return;
    stop();
    onEnd(reason);
  };
  if (signal !== undefined) {
    if (signal.aborted) end("revoked");
    else cancelSignal = listen(signal, () => end("revoked"));
  }
  if (expiresAtMs !== undefined && !isOver) {
    cancelTimer = setTimerAt(clock, expiresAtMs, () => end("expired"));
  }
  return stop;
}

/** At that time and not before: a clock's timers may be shorter than what is asked for. */
function setTimerAt(clock: Clock, atMs: number, run: () => void): () => void {
  let cancel = () => {};
  const wait = () => {
    const leftMs = atMs - clock.nowMs();
    if (!(leftMs > 0)) run();
    else cancel = clock.setTimer(leftMs, wait);
  };
  wait();
  return () => cancel();
}

function listen(signal: AbortSignal, onAbort: () => void): () => void {
  let all = listeners.get(signal);
  if (all === undefined) {
    const called = all = new Set();
    listeners.set(signal, called);
    signal.addEventListener("abort", () => {
      for (const each of [...called]) each();
      called.clear();
    }, { once: true });
  }
  const added = all;
  added.add(onAbort);
  return () => added.delete(onAbort);
}
