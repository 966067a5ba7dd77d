import type { SeededBug } from "./seeded_bug.ts";

const CHECKPOINT = "file/streams/checkpoint.ts";
const CHECKS = "subscriptions/checks.ts";
const DIRTY = "subscriptions/dirty_subscriptions.ts";
const ENGINE = "subscriptions/engine.ts";
const GROUPS = "file/streams/subscription_groups.ts";
const JSON = "subscriptions/subscription_json.ts";
const REGISTRY = "subscriptions/registry.ts";
const REPLAY = "file/streams/replay.ts";

type Bug = Omit<SeededBug, "subscriptions" | "test">;

/** What a crash may do to subscriptions; the histories with subscriptions find each. */
const BUGS: readonly Bug[] = [
  {
    name: "an ack is answered before it is durable",
    edits: [{
      file: ENGINE,
      from: "    await this.#journal.durable(lsn);\n    return { nextWake };\n",
      to: "    return { nextWake };\n",
    }],
  },
  {
    name: "a cursor that has moved isn't stored",
    edits: [{
      file: REGISTRY,
      from:
        "    entry.cursors.set(streamId, position);\n    this.#dirty.addCursor(entry, streamId);\n  }",
      to: "    entry.cursors.set(streamId, position);\n  }",
    }],
  },
  {
    name: "a cursor that is gone stays in the catalogue",
    edits: [{
      file: GROUPS,
      from:
        "  for (const cursor of deletedCursors) groupOf(cursor.subscriptionId).deletedCursors.push(cursor);\n",
      to: "",
    }],
  },
  {
    name: "an ack goes back",
    edits: [{
      file: CHECKS,
      from: "  if (position < (entry.cursors.get(found.id) ?? found.tail)) {",
      to: "  if (position < 0) {",
    }],
  },
  {
    name: "a late answer takes a cursor back",
    edits: [{
      file: REGISTRY,
      from: "    if (cursor === undefined || cursor > position) return;\n",
      to: "    if (cursor === undefined) return;\n",
    }],
  },
  {
    name: "a cursor goes ahead of its stream",
    edits: [{
      file: CHECKS,
      from:
        '  if (position > found.tail) throw invalidAck(path, token, "it is past the stream\'s tail");\n',
      to: "",
    }],
  },
  {
    name: "an ack of a stream that was made again is taken for one of the new stream",
    edits: [{
      file: CHECKS,
      from:
        "  if (wokenId !== undefined && (!isThere || found.id !== wokenId)) return undefined;\n",
      to: "  if (wokenId !== undefined && !isThere) return undefined;\n",
    }],
  },
  {
    name: "a wake is sent before it is durable",
    edits: [{
      file: ENGINE,
      from: '    await this.#journal.durable(lsn);\n    return { kind: "deliver", wake };\n',
      to: '    return { kind: "deliver", wake };\n',
    }],
  },
  {
    name: "a claim is answered before it is durable",
    edits: [{
      file: ENGINE,
      from: "    await this.#journal.durable(lsn);\n    return wake;\n",
      to: "    return wake;\n",
    }],
  },
  {
    name: "a state is shown before it is durable",
    edits: [{
      file: ENGINE,
      from: "    await this.#journal.durable(entry.lsn);\n    return info;\n",
      to: "    return info;\n",
    }],
  },
  {
    name: "a worker of an older generation is let in",
    edits: [{
      file: CHECKS,
      from: ".every((generation) => generation === state.generation) &&\n" +
        "    [token.wakeId, fence.wakeId].every((wakeId) => wakeId === state.wakeId);",
      to: ".every((generation) => generation <= state.generation);",
    }],
  },
  {
    name: "a deleted subscription comes back",
    edits: [{
      file: DIRTY,
      from: "    this.#deletedIds.add(entry.id);\n    this.#count++;\n",
      to: "",
    }],
  },
  {
    name: "a stream that was made with data isn't pending after a start",
    edits: [{
      file: REPLAY,
      from:
        "    if (tail > earliest) subscriptions.registry.appended({ id, name }, earliest, placed.lsn);\n",
      to: "",
    }],
  },
  {
    name: "a checkpoint that failed counts as stored for subscriptions",
    edits: [{
      file: CHECKPOINT,
      from: "    const captured = subscriptions.capture(lsn);\n",
      to: "    const captured = subscriptions.capture(lsn);\n    subscriptions.markStored();\n",
    }],
  },
  {
    name: "a replay applies what a subscription's row includes",
    edits: [{
      file: REGISTRY,
      from: "    if (entry === undefined || lsn <= entry.restoredLsn) return;\n",
      to: "    if (entry === undefined) return;\n",
    }],
  },
  {
    name: "a replay makes what was acknowledged pending again",
    edits: [{
      file: REGISTRY,
      from: "      if (lsn <= entry.restoredLsn || entry.cursors.has(stream.id)) continue;\n",
      to: "      if (entry.cursors.has(stream.id)) continue;\n",
    }],
  },
  {
    name: "a subscription's row is stored apart from its cursors",
    edits: [{
      file: CHECKPOINT,
      from: "      await catalog.store({ ...NO_CHANGES, subscriptions: group });\n",
      to: "      const { rows, cursors, deletedCursors } = group;\n" +
        "      const none = { ...group, rows: [], cursors: [], deletedCursors: [] };\n" +
        "      await catalog.store({ ...NO_CHANGES, subscriptions: { ...none, rows } });\n" +
        "      const moved = { ...none, deletedIds: [], cursors, deletedCursors };\n" +
        "      await catalog.store({ ...NO_CHANGES, subscriptions: moved });\n",
    }],
  },
  {
    name: "a lease is over after a start",
    edits: [{
      file: JSON,
      from: "    dueMs: whole(state.dueMs),\n",
      to: "    dueMs: 0,\n",
    }],
  },
];

export const SUBSCRIPTION_BUGS: readonly SeededBug[] = [
  ...BUGS.map((bug): SeededBug => ({ ...bug, subscriptions: true })),
  {
    name: "a name that was given again keeps the storage shut",
    edits: [{
      file: "file/streams/subscription_replay.ts",
      from: "    if (other === undefined || other.restoredLsn >= placed.lsn) return;\n",
      to: "    if (other === undefined) return;\n",
    }],
    test: "a subscription's name that is given again",
    file: "tests/crash/subscriptions_regression_test.ts",
  },
];
