import { spawn } from "node:child_process";
import process from "node:process";
import { type Clock, systemClock } from "../../env/clock.ts";
import { unixDatagrams } from "../../env/unix_datagram.ts";
import type { Environment } from "../flags/flag_values.ts";

/** A program that hangs keeps the next state waiting no longer. */
const PROGRAM_LIMIT_MS = 5_000;

/** Passes a state on to the service manager, as sd_notify(3) has it: `READY=1`. */
export type Notify = (state: string) => void;

/** What a service manager is told of this process; nothing happens where there is none. */
export interface Service {
  /** It serves; from now on the watchdog is told, too, where there is one. */
  ready(status: string): void;
  /** It is shutting down; the watchdog goes on until that is done. */
  stopping(): void;
}

/**
 * The service manager that started this process, by `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`
 * (sd_notify(3), sd_watchdog_enabled(3)). The watchdog is told by a timer of the event loop, twice within its
 * time: so it hears nothing once that loop is stuck.
 */
export function serviceOf(
  environment: Environment,
  notify: Notify | undefined = notifier(environment["NOTIFY_SOCKET"]),
  clock: Clock = unrefClock,
): Service {
  if (notify === undefined) return { ready() {}, stopping() {} };
  const intervalMs = watchdogMs(environment) / 2;
  const ping = () => {
    notify("WATCHDOG=1");
    clock.setTimer(intervalMs, ping);
  };
  return {
    ready(status) {
      notify(`READY=1\nSTATUS=${status}`);
      if (intervalMs > 0) ping();
    },
    stopping: () => notify("STOPPING=1\nSTATUS=stopping"),
  };
}

/** How long the watchdog waits, in milliseconds; 0 where there is none for this process. */
function watchdogMs(environment: Environment): number {
  const usec = environment["WATCHDOG_USEC"] ?? "";
  const pid = environment["WATCHDOG_PID"];
  if (!/^\d{1,15}$/.test(usec) || (pid !== undefined && pid !== String(process.pid))) return 0;
  return Number(usec) / 1000;
}

/** A timer for the watchdog alone keeps no process alive. */
const unrefClock: Clock = {
  nowMs: systemClock.nowMs,
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    if (typeof timer === "object") timer.unref();
    return () => clearTimeout(timer);
  },
};

function notifier(socket: string | undefined): Notify | undefined {
  // Neither a path nor an abstract name: vsock, for machines within machines.
  if (socket === undefined || !/^[/@]./.test(socket)) return undefined;
  const send = unixDatagrams();
  // One program after the other, or the manager might hear of the watchdog before the start.
  let notified = Promise.resolve();
  return (state) => {
    if (send?.(socket, state) === true) return;
    notified = notified.then(() => notifyByProgram(state));
  };
}

/** By systemd's own program, as on Node; the unit has to say `NotifyAccess=all`, as that is another process. */
function notifyByProgram(state: string): Promise<void> {
  const program = spawn("systemd-notify", [`--pid=${process.pid}`, ...state.split("\n")], {
    stdio: "ignore",
    timeout: PROGRAM_LIMIT_MS,
  });
  program.unref();
  return new Promise((resolve) => {
    // There is nobody to tell: where the manager hears nothing, it says so itself.
    program.once("error", () => resolve());
    program.once("exit", () => resolve());
  });
}
