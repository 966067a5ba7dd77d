import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { Deadlines } from "../../../src/server/live/deadlines.ts";
import { ManualClock } from "../../support/manual_clock.ts";

Deno.test("Deadlines: each is called once its time has come, in their order, unless let go of", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), inMs: fc.nat(50) }),
    fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(20) }),
    fc.record({ kind: fc.constant("advance" as const), byMs: fc.nat(30) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const added: { atMs: number; isOver: boolean; cancel: () => void }[] = [];
    const called: number[] = [];
    for (const one of steps) {
      if (one.kind === "add") {
        const index = added.length;
        const atMs = clock.nowMs() + one.inMs;
        added.push({ atMs, isOver: false, cancel: deadlines.add(atMs, () => called.push(index)) });
      } else if (one.kind === "cancel") {
        const found = added[one.which];
        found?.cancel();
        if (found !== undefined) found.isOver = true;
      } else {
        clock.advance(one.byMs);
        const due = added.map((deadline, index) => ({ deadline, index }))
          .filter(({ deadline }) => !deadline.isOver && deadline.atMs <= clock.nowMs())
          .sort((a, b) => a.deadline.atMs - b.deadline.atMs || a.index - b.index);
        for (const { deadline } of due) deadline.isOver = true;
        equal(called.splice(0), due.map(({ index }) => index));
      }
    }
  }));
});

Deno.test("Deadlines: no timer is left behind by the last one", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const cancels = [5, 1, 9].map((inMs) => deadlines.add(clock.nowMs() + inMs, () => {}));
  for (const cancel of cancels) cancel();
  equal(clock.pendingTimers, 0);
});
