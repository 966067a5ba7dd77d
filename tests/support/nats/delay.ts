import type { Clock } from "../../../src/env/clock.ts";

/** How long something takes: ms of the clock, or until this resolves. */
export type Delay = number | Promise<void>;

/** Waits; without anything to wait for, for a microtask. */
export function wait(clock: Clock, delay: Delay): Promise<void> {
  if (typeof delay !== "number") return delay;
  if (delay <= 0) return Promise.resolve();
  return new Promise((resolve) => clock.setTimer(delay, resolve));
}

/** What a test opens when it likes. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

/** A gate that is closed. */
export function closedGate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => open = resolve);
  return { opened, open: () => open() };
}
