import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { SubscriptionRecord } from "../../../src/storage/records.ts";
import type { SubscriptionCapture } from "../../../src/storage/subscriptions/capture.ts";
import { SubscriptionRegistry } from "../../../src/storage/subscriptions/registry.ts";
import { contentOf, created, cursorsOf, recordOf, Rows, stateOf } from "./registry_kit.ts";

/** A registry keeps what it found with the stream: each test has its own. */
const a = () => ({ id: 10, name: "a/x" });
const b = () => ({ id: 11, name: "b" });

Deno.test("registry: a stream that gets data has a cursor at its tail before, once", () => {
  const registry = new SubscriptionRegistry();
  registry.apply(created(1, "s"), 1);
  deepEqual(registry.appended(a(), 5, 2).map(({ id }) => id), [1]);
  registry.appended(a(), 8, 3);
  deepEqual(cursorsOf(registry, 1), { 10: 5 });
  deepEqual(registry.appended(b(), 0, 4), []);
});

Deno.test("registry: an ack moves the cursor, one at the tail takes it away, none goes back", () => {
  const registry = new SubscriptionRegistry();
  registry.apply(created(1, "s"), 1);
  registry.appended(a(), 0, 2);
  registry.apply(stateOf(1, {}, [[10, 4, false]]), 3);
  deepEqual(cursorsOf(registry, 1), { 10: 4 });
  registry.apply(stateOf(1, {}, [[10, 3, false]]), 4);
  deepEqual(cursorsOf(registry, 1), { 10: 4 });
  registry.apply(stateOf(1, {}, [[10, 9, true]]), 5);
  deepEqual(cursorsOf(registry, 1), {});
  registry.apply(stateOf(1, {}, [[10, 9, false]]), 6);
  deepEqual(cursorsOf(registry, 1), {}, "nothing is pending in it");
});

Deno.test("registry: a stream that is gone takes its cursors, of all subscriptions", () => {
  const registry = new SubscriptionRegistry();
  for (const id of [1, 2]) registry.apply(created(id, `s${id}`), id);
  registry.appended(a(), 0, 3);
  registry.removed(10, 4);
  for (const id of [1, 2]) deepEqual(cursorsOf(registry, id), {});
  registry.removed(10, 5);
  registry.removed(99, 6);
  registry.appended({ id: 12, name: "a/x" }, 0, 7);
  deepEqual(cursorsOf(registry, 1), { 12: 0 }, "one that is made again has its own");
});

Deno.test("registry: who follows a stream is found anew after each change of links", () => {
  const registry = new SubscriptionRegistry();
  const stream = b();
  const followers = () => registry.followers(stream).map(({ id }) => id);
  deepEqual(followers(), []);
  registry.apply(created(1, "s"), 1);
  deepEqual(followers(), []);
  registry.apply(recordOf(1, { kind: "link", paths: ["b", "c"] }), 2);
  deepEqual(followers(), [1]);
  registry.apply(created(2, "t", { pattern: undefined, streams: ["b"] }), 3);
  deepEqual(followers(), [1, 2]);
  registry.apply(recordOf(1, { kind: "unlink", path: "b", streamId: 11 }), 4);
  deepEqual(followers(), [2]);
  registry.apply(recordOf(2, { kind: "delete" }), 5);
  deepEqual(followers(), []);
});

Deno.test("registry: an unlinked stream keeps its cursor only where the pattern matches it", () => {
  const registry = new SubscriptionRegistry();
  registry.apply(created(1, "s", { streams: ["a/x", "b"] }), 1);
  registry.appended(a(), 0, 2);
  registry.appended(b(), 0, 3);
  registry.apply(recordOf(1, { kind: "unlink", path: "a/x", streamId: 10 }), 4);
  registry.apply(recordOf(1, { kind: "unlink", path: "b", streamId: 11 }), 5);
  deepEqual(cursorsOf(registry, 1), { 10: 0 });
  registry.apply(recordOf(1, { kind: "unlink", path: "nothing", streamId: 0 }), 6);
});

Deno.test("registry: a subscription never follows its own wake stream, others do", () => {
  const registry = new SubscriptionRegistry();
  const pull = { type: "pull-wake", webhookUrl: undefined, wakeStream: "a/w" } as const;
  registry.apply(created(1, "s", pull), 1);
  registry.apply(created(2, "t"), 2);
  deepEqual(registry.followers({ id: 12, name: "a/w" }).map(({ id }) => id), [2]);
  equal(registry.isWakeStream("a/w"), true);
  registry.apply(created(3, "u", pull), 3);
  registry.apply(recordOf(1, { kind: "delete" }), 4);
  equal(registry.isWakeStream("a/w"), true, "another one has it, too");
  registry.apply(recordOf(3, { kind: "delete" }), 5);
  equal(registry.isWakeStream("a/w"), false);
});

Deno.test("registry: a deleted subscription is gone under its id, its name and its streams", () => {
  const registry = new SubscriptionRegistry();
  registry.apply(created(1, "s", { streams: ["b"] }), 1);
  registry.appended(a(), 0, 2);
  registry.apply(recordOf(1, { kind: "delete" }), 3);
  equal(registry.size, 0);
  equal(registry.find("s"), undefined);
  equal(registry.isKnown(1), false);
  deepEqual(registry.appended(a(), 5, 4), []);
  registry.removed(10, 5);
  registry.apply(stateOf(1, { generation: 9 }), 6);
  equal(registry.size, 0, "what follows a delete brings nothing back");
  registry.apply(created(2, "s"), 7);
  equal(registry.find("s")?.id, 2);
});

Deno.test("registry: applying a record twice changes nothing", () => {
  const registry = new SubscriptionRegistry();
  const records = [
    created(1, "s"),
    stateOf(1, { phase: "leased", generation: 3, holder: "w" }, [[10, 4, false]]),
    recordOf(1, { kind: "link", paths: ["b"] }),
    recordOf(1, { kind: "unlink", path: "b", streamId: 11 }),
  ];
  registry.apply(created(1, "s"), 1);
  registry.appended(a(), 0, 2);
  for (const [i, record] of records.entries()) {
    registry.apply(record, 3 + i);
    const content = contentOf(registry);
    registry.apply(record, 3 + i);
    deepEqual(contentOf(registry), content);
  }
});

Deno.test("registry: an event behind the row's LSN is ignored, one after it isn't", () => {
  const rows = new Rows();
  const before = new SubscriptionRegistry();
  before.apply(created(1, "s"), 1);
  before.appended(a(), 3, 2);
  before.apply(stateOf(1, { generation: 5 }, [[10, 7, false]]), 3);
  rows.store(before.capture(3));
  const after = rows.restored();
  const content = contentOf(after);
  after.apply(created(1, "s"), 1);
  after.appended(a(), 3, 2);
  after.apply(stateOf(1, { generation: 4 }), 3);
  after.removed(10, 3);
  after.apply(recordOf(1, { kind: "delete" }), 3);
  deepEqual(contentOf(after), content);
  after.appended(a(), 9, 4);
  after.appended({ id: 12, name: "a/y" }, 0, 4);
  deepEqual(cursorsOf(after, 1), { 10: 7, 12: 0 });
  after.apply(stateOf(1, { generation: 6 }), 5);
  equal(after.get(1)?.state.generation, 6);
  after.removed(10, 6);
  deepEqual(cursorsOf(after, 1), { 12: 0 });
});

Deno.test("registry: a replay in which a name was given again doesn't bring the first one back", () => {
  const rows = new Rows();
  const live = new SubscriptionRegistry();
  const log: [SubscriptionRecord, number][] = [
    [created(1, "s"), 1],
    [stateOf(1, { generation: 4 }), 2],
    [recordOf(1, { kind: "delete" }), 3],
    [created(2, "s", { pattern: "b/*" }), 4],
  ];
  for (const [record, lsn] of log) live.apply(record, lsn);
  // The rows were stored, and the checkpoint ended before it could say so.
  rows.store(live.capture(4));
  const restored = rows.restored();
  for (const [record, lsn] of log) restored.apply(record, lsn);
  deepEqual(contentOf(restored), contentOf(live));
});

Deno.test("registry: what is dirty is counted: a row for each subscription, one for each cursor", () => {
  const registry = new SubscriptionRegistry();
  equal(registry.dirtyCount, 0);
  registry.apply(created(1, "s"), 1);
  equal(registry.dirtyCount, 1);
  registry.apply(stateOf(1, { generation: 1 }), 2);
  equal(registry.dirtyCount, 1);
  registry.appended(a(), 0, 3);
  registry.appended(a(), 1, 4);
  equal(registry.dirtyCount, 2);
  registry.capture(4);
  registry.markStored();
  equal(registry.dirtyCount, 0);
});

Deno.test("registry: an append that moves no cursor makes nothing dirty", () => {
  const registry = new SubscriptionRegistry();
  registry.apply(created(1, "s"), 1);
  registry.appended(a(), 0, 2);
  registry.capture(2);
  registry.markStored();
  registry.appended(a(), 1, 3);
  registry.appended(b(), 0, 4);
  equal(registry.dirtyCount, 0);
});

type Event =
  | { readonly kind: "record"; readonly record: SubscriptionRecord }
  | { readonly kind: "append" | "remove"; readonly stream: number };

const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constant("record" as const),
    record: fc.oneof(
      fc.tuple(fc.nat(2), fc.constantFrom("a/*", "**", "b")).map(([id, pattern]) =>
        created(100 + id, `s${id}`, { pattern })
      ),
      fc.nat(2).map((id) => recordOf(100 + id, { kind: "delete" as const })),
      fc.tuple(fc.nat(2), fc.nat(4), fc.integer({ min: 10, max: 12 }), fc.boolean()).map((
        [id, position, stream, isTail],
      ) => stateOf(100 + id, { generation: position }, [[stream, position, isTail]])),
      fc.nat(2).map((id) => recordOf(100 + id, { kind: "link" as const, paths: ["b"] })),
      fc.nat(2).map((id) =>
        recordOf(100 + id, { kind: "unlink" as const, path: "b", streamId: 11 })
      ),
    ),
  }),
  fc.record({
    kind: fc.constantFrom("append" as const, "append" as const, "remove" as const),
    stream: fc.nat(2),
  }),
);

/** What happened, as a log has it: ids of subscriptions and streams are never given again. */
class History {
  readonly registry = new SubscriptionRegistry();
  readonly #log: ((registry: SubscriptionRegistry) => void)[] = [];
  readonly #ids = new Map<number, number>();
  #lastId = 1000;
  #tail = 0;

  get lsn(): number {
    return this.#log.length;
  }

  add(event: Event): void {
    const lsn = this.lsn + 1;
    const apply = this.#applying(event, lsn);
    if (apply === undefined) return;
    this.#log.push(apply);
    apply(this.registry);
  }

  /** Applies all records behind this one. */
  replay(registry: SubscriptionRegistry, after: number): void {
    for (const apply of this.#log.slice(after)) apply(registry);
  }

  #applying(event: Event, lsn: number): ((registry: SubscriptionRegistry) => void) | undefined {
    if (event.kind !== "record") {
      const stream = [{ id: 10, name: "a/x" }, { id: 11, name: "b" }, { id: 12, name: "c" }][
        event.stream
      ];
      if (stream === undefined) return undefined;
      if (event.kind === "remove") return (registry) => registry.removed(stream.id, lsn);
      const start = this.#tail++;
      return (registry) => void registry.appended({ ...stream }, start, lsn);
    }
    const { record } = event;
    const { change } = record;
    if (change.kind === "create") {
      if (this.registry.find(change.name) !== undefined) return undefined;
      this.#ids.set(record.id, ++this.#lastId);
    }
    const id = this.#ids.get(record.id);
    if (id === undefined || (change.kind !== "create" && !this.registry.isKnown(id))) {
      return undefined;
    }
    return (registry) => registry.apply({ ...record, id }, lsn);
  }
}

Deno.test("registry: rows and the whole log behind them come to what was there, wherever checkpoints ended", () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: anyEvent },
      // A checkpoint that is whole, one that comes to nothing, and ones that end in the middle.
      fc.constantFrom(...["stored", "failed", "deletions", "half"] as const),
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const history = new History();
      const rows = new Rows();
      let checkpointLsn = 0;
      for (const step of all) {
        if (typeof step === "object") history.add(step);
        else {
          const captured = history.registry.capture(history.lsn);
          if (step !== "failed") rows.store(partOf(captured, step));
          if (step === "stored") {
            history.registry.markStored();
            checkpointLsn = history.lsn;
          }
        }
        // The log may go on from the last whole checkpoint, or have older records still.
        for (const after of [checkpointLsn, 0]) {
          const restored = rows.restored();
          history.replay(restored, after);
          deepEqual(contentOf(restored), contentOf(history.registry));
        }
      }
    }),
    { numRuns: 300 },
  );
});

/** What of a capture is stored where a checkpoint ends early: a subscription's rows are, or aren't. */
function partOf(
  captured: SubscriptionCapture,
  step: "stored" | "deletions" | "half",
): SubscriptionCapture {
  if (step === "stored") return captured;
  const isStored = (id: number) => step === "half" && id % 2 === 0;
  return {
    deletedIds: captured.deletedIds,
    rows: captured.rows.filter(({ id }) => isStored(id)),
    cursors: captured.cursors.filter(({ subscriptionId }) => isStored(subscriptionId)),
    deletedCursors: captured.deletedCursors.filter(({ subscriptionId }) =>
      isStored(subscriptionId)
    ),
  };
}
