import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { subscriptionGroups } from "../../../../src/storage/file/streams/subscription_groups.ts";
import { NEW_SUBSCRIPTION } from "../../../../src/storage/subscription.ts";
import type { SubscriptionCapture } from "../../../../src/storage/subscriptions/capture.ts";

/** Of each subscription how many cursors are stored, and how many deleted. */
function captureOf(counts: readonly (readonly [number, number])[]): SubscriptionCapture {
  const ids = counts.map((_, id) => id);
  const cursorsOf = (which: 0 | 1) =>
    counts.flatMap((each, subscriptionId) =>
      Array.from({ length: each[which] }, (_, streamId) => ({ subscriptionId, streamId }))
    );
  return {
    deletedIds: ids.map((id) => id + 1000),
    rows: ids.map((id) => ({
      id,
      name: `s${id}`,
      lsn: 9,
      createdAtMs: 0,
      config: {
        type: "webhook",
        pattern: "**",
        streams: [],
        webhookUrl: "http://localhost",
        wakeStream: undefined,
        leaseMs: 1,
        description: undefined,
      },
      hash: "",
      baseUrl: "",
      links: [],
      state: NEW_SUBSCRIPTION,
      wakeStreams: [],
      cursorCount: 0,
    })),
    cursors: cursorsOf(0).map((key) => ({ ...key, position: 3 })),
    deletedCursors: cursorsOf(1),
  };
}

Deno.test("all is stored once, deletions first, and no subscription in two transactions", () => {
  const counts = fc.array(fc.tuple(fc.nat(7), fc.nat(3)), { maxLength: 8 });
  fc.assert(fc.property(counts, fc.integer({ min: 1, max: 12 }), (counts, groupRows) => {
    const capture = captureOf(counts);
    const groups = [...subscriptionGroups(capture, groupRows)];
    for (const part of ["deletedIds", "rows", "cursors", "deletedCursors"] as const) {
      equal(groups.flatMap((group): readonly unknown[] => group[part]), capture[part]);
    }
    const firstRows = groups.findIndex(({ rows }) => rows.length > 0);
    equal(groups.slice(firstRows).some(({ deletedIds }) => deletedIds.length > 0), false);
    for (const { rows, cursors, deletedCursors } of groups) {
      const ids = rows.map(({ id }) => id);
      const foreign = [...cursors, ...deletedCursors]
        .filter(({ subscriptionId }) => !ids.includes(subscriptionId));
      equal(foreign, []);
      const before = rows.length + cursors.length + deletedCursors.length;
      const last = counts[ids.at(-1) ?? 0] ?? [0, 0];
      equal(before === 0 || before - 1 - last[0] - last[1] < groupRows, true);
    }
  }));
  equal([...subscriptionGroups(captureOf([]), 5)], []);
});
