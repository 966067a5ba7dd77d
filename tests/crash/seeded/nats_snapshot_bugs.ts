import type { SeededBug } from "./seeded_bug.ts";

const BODIES = "nats/snapshots/snapshot_bodies.ts";
const KEPT = "nats/snapshots/kept_snapshots.ts";
const WALK = "nats/snapshots/leftover_walk.ts";
const HISTORIES = {
  test: "whatever happens to the cluster, a snapshot",
  file: "tests/storage/nats/snapshots/histories_test.ts",
};
const UNIT = "tests/storage/nats/snapshots/kept_snapshots_test.ts";

/** What can be wrong with the snapshots of applications, and with counts, in a JetStream cluster. */
export const NATS_SNAPSHOT_BUGS: readonly SeededBug[] = [
  {
    name: "a snapshot is named before all of its body is stored",
    edits: [{
      file: BODIES,
      from: "    await inLanes(parts - 1, (index) => put(index + 1));\n",
      to: "    inLanes(parts - 1, (index) => put(index + 1)).catch(() => {});\n",
    }],
    ...HISTORIES,
  },
  {
    name: "a snapshot is named though its body may be gone",
    edits: [{
      file: KEPT,
      from: "      if (firstSequence < stream.bodiesFrom) return undefined;\n",
      to: "",
    }],
    test: "a body that was begun before the one that was kept meanwhile",
    file: UNIT,
  },
  {
    name: "the body of a snapshot that may be named yet is taken away",
    edits: [{
      file: KEPT,
      from: "      if (!isOpen) bodies.discard(stream, number);\n",
      to: "      void isOpen;\n      bodies.discard(stream, number);\n",
    }],
    test: "a snapshot that is named late, though its put was given up",
    file: UNIT,
  },
  {
    name: "an older snapshot takes the place of one that was kept while it was written",
    edits: [{
      file: KEPT,
      from: "      this.#check(stream, body.position);\n",
      to: "",
    }],
    ...HISTORIES,
  },
  {
    name: "messages that a state has aren't counted on",
    edits: [{
      file: "nats/streams/nats_stream.ts",
      from: "    this.mark.messages = snapshot.messages ?? 0;\n",
      to: "",
    }],
    nats: true,
  },
  {
    name: "what ends within a part is counted with the next one",
    edits: [{
      file: "nats/streams/message_writer.ts",
      from: "      before += count;\n",
      to: "",
    }],
    test: "a JSON message that is cut into parts is one message",
    file: "tests/storage/nats/reading/counts_test.ts",
  },
  {
    name: "what is swept of a stream that is there isn't fenced, nor looked at whether it is named",
    edits: [{
      file: WALK,
      from: "    if (isNamed()) return false;\n",
      to: "    if (number > 0) return true;\n",
    }],
    ...HISTORIES,
  },
];
