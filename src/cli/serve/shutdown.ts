import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { getLogger } from "@logtape/logtape";
import { ignoresHangUp } from "../../env/ignored_signals.ts";
import type { Listener } from "../../listen/listener.ts";

const log = getLogger(["durable-streams", "process"]);

/** How long the parts of a shutdown may take. */
export interface ShutdownLimits {
  /** From the signal until busy connections are cut. */
  drainMs: number;
  /** From the signal to the end. */
  totalMs: number;
}

/** Five seconds in all, less what the process needs to end. */
const LIMITS: ShutdownLimits = { drainMs: 4_000, totalMs: 4_900 };

/** The parts to shut down, in this order. */
export interface ShutdownTargets {
  listener: Pick<Listener, "stop">;
  /** Ends every live read that waits. */
  endReaders: () => void;
  /** Flushes all, and leaves what would take longer than `limitMs` to the next start. */
  closeStorage: (limitMs: number) => Promise<void>;
}

/** The signals that end the program, with the exit code for a second one. */
const SIGNALS = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const;

/**
 * Calls `onStop` at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. The first
 * process of a container ignores signals without a listener, hence the listeners from the start. A process
 * started by `nohup` keeps ignoring SIGHUP, except on Node, which resets that at its start.
 *
 * @param takesHangUp called at each SIGHUP: whether that is the sign for something else here, as to reload
 */
export function onStopSignal(
  onStop: (signal: string) => void,
  takesHangUp: () => boolean = () => false,
): void {
  let signalled = false;
  const outlivesTerminal = ignoresHangUp();
  for (const [signal, exitCode] of SIGNALS) {
    process.on(signal, () => {
      if (signal === "SIGHUP" && (takesHangUp() || outlivesTerminal)) return;
      if (signalled) process.exit(exitCode);
      signalled = true;
      onStop(signal);
    });
  }
}

/** Shuts everything down within five seconds; resolves to the exit code. */
export async function shutDown(
  { listener, endReaders, closeStorage }: ShutdownTargets,
  limits: ShutdownLimits = LIMITS,
): Promise<number> {
  const startMs = performance.now();
  const drained = listener.stop();
  endReaders();
  if (!await within(limits.drainMs, drained)) {
    log.warn("cutting the connections that are still busy", { afterMs: limits.drainMs });
  }
  const leftMs = limits.totalMs - (performance.now() - startMs);
  try {
    if (await within(leftMs, closeStorage(leftMs / 2))) return 0;
    log.error("the storage took too long to close; the next start recovers from the log");
  } catch (error) {
    log.error("the storage could not be closed; the next start recovers from the log", { error });
  }
  return 1;
}

/** Whether the work was done in time. */
async function within(limitMs: number, work: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(limitMs, false, { signal: timer.signal });
  // Aborted below, when it isn't needed any more.
  late.catch(() => {});
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
