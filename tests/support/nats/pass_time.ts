import { yieldToEventLoop } from "../event_loop.ts";
import type { ManualClock } from "../manual_clock.ts";

/** What a call comes to, while a clock is moved on for what it waits for. */
export async function passTime<T>(
  clock: ManualClock,
  call: Promise<T>,
  stepMs: number,
): Promise<T> {
  let isOver = false;
  const over = call.then(() => {}, () => {}).finally(() => isOver = true);
  while (!isOver) {
    await yieldToEventLoop();
    if (!isOver) clock.advance(stepMs);
  }
  await over;
  return await call;
}
