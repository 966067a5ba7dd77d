import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { NEW_SUBSCRIPTION, type SubscriptionState } from "../../../src/storage/subscription.ts";
import {
  backOff,
  claim,
  deliver,
  dueNow,
  endLease,
  finish,
  heartbeat,
  isLeaseOver,
  repeat,
  retry,
  type TransitionContext,
  wake,
} from "../../../src/storage/subscriptions/transitions.ts";

const NOW = 1_000_000;

function context(more: Partial<TransitionContext> = {}): TransitionContext {
  return { config: { type: "webhook", leaseMs: 30_000 }, nowMs: NOW, random: () => 0.5, ...more };
}

const PULL: Partial<TransitionContext> = { config: { type: "pull-wake", leaseMs: 30_000 } };

function state(more: Partial<SubscriptionState>): SubscriptionState {
  return { ...NEW_SUBSCRIPTION, generation: 7, wakeId: "w7", wakeAtMs: NOW - 5000, ...more };
}

Deno.test("wake: a new generation and id; a webhook's lease begins, a wake event waits to be claimed", () => {
  const idle = state({ holder: "", failures: 2, failed: true });
  deepEqual(wake(idle, "w8", context()), {
    ...idle,
    phase: "delivering",
    generation: 8,
    wakeId: "w8",
    wakeAtMs: NOW,
    dueMs: NOW + 30_000,
  });
  equal(wake(idle, "w8", context(PULL)).phase, "waiting");
});

Deno.test("retry: the same wake, whose lease begins anew", () => {
  const waiting = state({ phase: "waiting", failures: 3, failed: true, dueMs: NOW });
  deepEqual(retry(waiting, context()), { ...waiting, phase: "delivering", dueMs: NOW + 30_000 });
});

Deno.test("dueNow: what waits is due, and what is under way or due already stays as it is", () => {
  for (const phase of ["idle", "waiting"] as const) {
    const waiting: SubscriptionState = { ...NEW_SUBSCRIPTION, phase, dueMs: 5000, failures: 3 };
    deepEqual(dueNow(waiting, 1000), { ...waiting, dueMs: 1000 });
    equal(dueNow(waiting, 5000), waiting);
  }
  for (const phase of ["delivering", "leased"] as const) {
    const held: SubscriptionState = { ...NEW_SUBSCRIPTION, phase, dueMs: 5000 };
    equal(dueNow(held, 1000), held);
  }
});

Deno.test("claim: takes the wake that waits, or makes one", () => {
  const waiting = state({ phase: "waiting", failed: true });
  deepEqual(claim(waiting, "worker", "w8", context(PULL)), {
    ...waiting,
    phase: "leased",
    holder: "worker",
    failed: false,
    dueMs: NOW + 30_000,
  });
  const made = claim(state({ phase: "idle", dueMs: NOW + 9999 }), "worker", "w8", context(PULL));
  equal(made.generation, 8);
  equal(made.wakeId, "w8");
  equal(made.wakeAtMs, NOW);
});

Deno.test("repeat: after a lease, then after as long as it has waited, at most a minute or the lease", () => {
  const wait = (waitedMs: number, leaseMs: number) =>
    repeat(
      state({ phase: "waiting", wakeAtMs: NOW - waitedMs }),
      context({ config: { type: "pull-wake", leaseMs } }),
    ).dueMs - NOW;
  equal(wait(1000, 1000), 1000);
  equal(wait(3000, 1000), 3000);
  equal(wait(59_000, 1000), 59_000);
  equal(wait(600_000, 1000), 60_000);
  equal(wait(600_000, 300_000), 300_000);
  equal(wait(10, 30_000), 30_000);
});

Deno.test("isLeaseOver: at its end, and only where somebody has one", () => {
  for (const phase of ["delivering", "leased"] as const) {
    equal(isLeaseOver(state({ phase, dueMs: NOW + 1 }), NOW), false);
    equal(isLeaseOver(state({ phase, dueMs: NOW }), NOW), true);
  }
  for (const phase of ["idle", "waiting"] as const) {
    equal(isLeaseOver(state({ phase, dueMs: NOW - 1 }), NOW), false);
  }
});

Deno.test("endLease: the holder goes, the next wake waits; a request without an answer has failed", () => {
  const leased = state({ phase: "leased", holder: "worker", dueMs: NOW, failures: 1 });
  deepEqual(endLease(leased, context()), {
    ...leased,
    phase: "idle",
    holder: "",
    failures: 2,
    dueMs: NOW + 2000,
  });
  const delivering = state({ phase: "delivering", dueMs: NOW });
  equal(endLease(delivering, context()).failed, true);
  const running = state({ phase: "leased", dueMs: NOW + 1 });
  equal(endLease(running, context()), running);
});

Deno.test("deliver: done finishes, accepted keeps the lease, failed waits for the next attempt", () => {
  const delivering = state({ phase: "delivering", dueMs: NOW + 10_000, failures: 2, failed: true });
  deepEqual(deliver(delivering, "done", context()), finish(delivering));
  deepEqual(deliver(delivering, "accepted", context()), {
    ...delivering,
    phase: "leased",
    failed: false,
  });
  deepEqual(deliver(delivering, "failed", context()), {
    ...delivering,
    phase: "waiting",
    failures: 3,
    failed: true,
    dueMs: NOW + 4000,
  });
});

Deno.test("deliver: behind a callback only done says anything new", () => {
  const leased = state({ phase: "leased", dueMs: NOW + 10_000 });
  equal(deliver(leased, "accepted", context()), leased);
  equal(deliver(leased, "failed", context()), leased);
  equal(deliver(leased, "done", context()).phase, "idle");
});

Deno.test("heartbeat: the lease begins anew; only progress ends the back-off", () => {
  const leased = state({ phase: "leased", dueMs: NOW + 10, failures: 4, failed: true });
  const alive = heartbeat(leased, false, context());
  deepEqual(alive, { ...leased, dueMs: NOW + 30_000, failed: false });
  equal(heartbeat(leased, true, context()).failures, 0);
  equal(heartbeat(state({ phase: "delivering" }), false, context()).phase, "leased");
});

Deno.test("finish: nothing is held, and what is pending may wake at once", () => {
  const leased = state({ phase: "leased", holder: "w", dueMs: NOW, failures: 4, failed: true });
  deepEqual(finish(leased), {
    ...leased,
    phase: "idle",
    holder: "",
    dueMs: 0,
    failures: 0,
    failed: false,
  });
});

Deno.test("backOff: 1 s, 2 s, … 60 s, each 20 % more or less, however many failures there were", () => {
  for (
    const [failures, whole] of [[0, 1], [1, 2], [5, 32], [6, 60], [7, 60], [2000, 60]] as const
  ) {
    for (const [random, part] of [[0, 0.8], [0.5, 1], [1, 1.2]] as const) {
      const next = backOff(state({ phase: "leased", failures }), context({ random: () => random }));
      equal(next.dueMs - NOW, Math.round(whole * 1000 * part), `${failures} ${random}`);
      equal(next.failures, failures + 1);
    }
  }
});

Deno.test("transitions: numbers stay whole, the generation never falls, and only a wake changes its id", () => {
  const anyState = fc.record<SubscriptionState>({
    phase: fc.constantFrom("idle", "delivering", "waiting", "leased"),
    generation: fc.nat(),
    wakeId: fc.constant("w"),
    wakeAtMs: fc.nat(NOW),
    holder: fc.constantFrom("", "worker"),
    dueMs: fc.nat(2 * NOW),
    failures: fc.nat(100),
    failed: fc.boolean(),
  });
  const transitions:
    ((before: SubscriptionState, given: TransitionContext) => SubscriptionState)[] = [
      (before, given) => wake(before, "new", given),
      retry,
      repeat,
      (before, given) => claim(before, "other", "new", given),
      (before, given) => deliver(before, "done", given),
      (before, given) => deliver(before, "accepted", given),
      (before, given) => deliver(before, "failed", given),
      (before, given) => heartbeat(before, true, given),
      finish,
      backOff,
      endLease,
    ];
  fc.assert(fc.property(
    anyState,
    fc.nat(transitions.length - 1),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (before, index, random) => {
      const after = transitions[index]?.(before, context({ random: () => random }));
      ok(after !== undefined);
      for (const value of [after.generation, after.dueMs, after.failures, after.wakeAtMs]) {
        ok(Number.isSafeInteger(value) && value >= 0);
      }
      ok(after.generation >= before.generation);
      equal(after.wakeId === before.wakeId, after.generation === before.generation);
      if (after.phase === "idle") equal(after.holder, before.phase === "idle" ? after.holder : "");
    },
  ));
});
