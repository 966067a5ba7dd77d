import { deepStrictEqual as equal, ok, throws } from "node:assert";
import fc from "fast-check";
import { CallbackDeadline, DeadlineQueue } from "../../src/env/deadline_queue.ts";
import { ManualClock } from "../support/manual_clock.ts";

const TICK_MS = 10;

interface Added {
  readonly deadline: CallbackDeadline;
  readonly addedAtMs: number;
  readonly ticks: number;
  calledAtMs: number | undefined;
  isCancelled: boolean;
}

Deno.test("each deadline expires once, in time and in order, unless it is cancelled", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), ticks: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(20) }),
    fc.record({ kind: fc.constant("advance" as const), byMs: fc.nat(30) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const clock = new ManualClock();
    const queue = new DeadlineQueue(clock, TICK_MS);
    const added: Added[] = [];
    let calls = 0;
    const add = (ticks: number) => {
      const deadline = new CallbackDeadline(() => {
        calls++;
        one.calledAtMs = clock.nowMs();
      });
      const one: Added = {
        deadline,
        addedAtMs: clock.nowMs(),
        ticks,
        calledAtMs: undefined,
        isCancelled: false,
      };
      added.push(one);
      queue.add(deadline, ticks);
    };
    for (const one of [...steps, { kind: "advance" as const, byMs: 8 * TICK_MS }]) {
      if (one.kind === "add") add(one.ticks);
      else if (one.kind === "advance") clock.advance(one.byMs);
      else {
        const found = added[one.which];
        if (found === undefined) continue;
        found.deadline.cancel();
        found.isCancelled ||= found.calledAtMs === undefined;
      }
    }
    equal(calls, added.filter(({ isCancelled }) => !isCancelled).length);
    for (const { addedAtMs, ticks, calledAtMs, isCancelled } of added) {
      if (isCancelled) equal(calledAtMs, undefined);
      else {
        const lateMs = (calledAtMs ?? NaN) - addedAtMs - ticks * TICK_MS;
        ok(lateMs >= 0 && lateMs <= TICK_MS, `late by ${lateMs} ms`);
      }
    }
    equal(clock.pendingTimers, 0);
  }));
});

Deno.test("those that are due at one tick expire earliest first, and of the same time in the order they came", () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock, TICK_MS);
  const expired: string[] = [];
  const add = (name: string, ticks: number) =>
    queue.add(new CallbackDeadline(() => expired.push(name)), ticks);
  add("first", 4);
  add("second", 4);
  add("soon", 2);
  add("third", 4);
  clock.advance(3 * TICK_MS);
  equal(expired, ["soon"]);
  clock.advance(2 * TICK_MS);
  equal(expired, ["soon", "first", "second", "third"]);
});

Deno.test("a deadline that is added again as it expires is as regular as the clock", () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock, TICK_MS);
  const startMs = clock.nowMs();
  const expiredAtMs: number[] = [];
  const again = new CallbackDeadline(() => {
    expiredAtMs.push(clock.nowMs() - startMs);
    queue.add(again, 1);
  });
  queue.add(again, 1);
  clock.advance(45);
  equal(expiredAtMs, [10, 20, 30, 40]);
});

Deno.test("a deadline may cancel another that is due at the same time", () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock, TICK_MS);
  let calls = 0;
  const second = new CallbackDeadline(() => calls++);
  queue.add(new CallbackDeadline(() => second.cancel()), 2);
  queue.add(second, 1);
  clock.advance(100);
  equal(calls, 0);
});

Deno.test("adding and cancelling again and again sets one timer a tick", () => {
  const clock = new ManualClock();
  let timers = 0;
  const counting = {
    nowMs: () => {
      throw new Error("the clock was looked at");
    },
    setTimer: (delayMs: number, run: () => void) => {
      timers++;
      return clock.setTimer(delayMs, run);
    },
  };
  const queue = new DeadlineQueue(counting, TICK_MS);
  for (let ms = 0; ms < 100; ms++) {
    for (let i = 0; i < 10; i++) {
      const deadline = new CallbackDeadline(() => {});
      queue.add(deadline, 30);
      deadline.cancel();
    }
    clock.advance(1);
  }
  equal(timers, 10);
});

Deno.test("no timer is left a tick after the last deadline was cancelled", () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock, TICK_MS);
  const deadlines = [5, 1, 9].map((ticks) => {
    const deadline = new CallbackDeadline(() => {});
    queue.add(deadline, ticks);
    return deadline;
  });
  for (const deadline of deadlines) deadline.cancel();
  clock.advance(TICK_MS);
  equal(clock.pendingTimers, 0);
});

Deno.test("after a stop nothing expires and no timer is set", () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock, TICK_MS);
  let calls = 0;
  queue.add(new CallbackDeadline(() => calls++), 1);
  queue.stop();
  equal(clock.pendingTimers, 0);
  queue.add(new CallbackDeadline(() => calls++), 1);
  const idle = new DeadlineQueue(clock, TICK_MS);
  idle.stop();
  idle.add(new CallbackDeadline(() => calls++), 1);
  clock.advance(100);
  equal(calls, 0);
  equal(clock.pendingTimers, 0);
});

Deno.test("one that throws keeps none of the others from expiring", () => {
  const clock = new ManualClock();
  const queue = new DeadlineQueue(clock, TICK_MS);
  const expired: string[] = [];
  queue.add(
    new CallbackDeadline(() => {
      throw new Error("thrown by a deadline");
    }),
    1,
  );
  queue.add(new CallbackDeadline(() => expired.push("second")), 1);
  throws(() => clock.advance(2 * TICK_MS), /thrown by a deadline/);
  clock.advance(2 * TICK_MS);
  equal(expired, ["second"]);
});
