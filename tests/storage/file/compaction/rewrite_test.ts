import assert from "node:assert/strict";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { CompactionPolicy } from "../../../../src/protocol/compaction_policy.ts";
import type { SegmentRow } from "../../../../src/storage/file/catalog/catalog.ts";
import { Pacer } from "../../../../src/storage/file/compaction/pacer.ts";
import {
  type RewriteParts,
  rewriteSegments,
} from "../../../../src/storage/file/compaction/rewrite.ts";
import { SegmentBuilder } from "../../../../src/storage/file/compaction/segment_builder.ts";
import { scanSegment } from "../../../../src/storage/file/compaction/segment_scan.ts";
import { segmentFolder } from "../../../../src/storage/file/directory/paths.ts";
import { OpenSegments } from "../../../../src/storage/file/segments/open_segments.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const UUID = "00000000-0000-4000-8000-000000000000";
const DAY_MS = 86_400_000;

/** A stream's segments as a test writes them: of each message its key, what it says, and when it came. */
type Written = readonly (readonly [key: string | undefined, value: string, atMs: number])[];

/** Some segments of stream 1 in a directory of a test's own. */
class Kit {
  readonly folder: string;
  readonly open: OpenSegments;
  rows: SegmentRow[] = [];
  readonly #clock = new ManualClock();
  #position = 0;
  #number = 0;

  constructor(root: string) {
    this.folder = root;
    nodeFileSystem.makeDirectory(segmentFolder(root, 1));
    this.open = new OpenSegments(nodeFileSystem, root, UUID, 8);
  }

  /** Adds a segment. */
  async add(messages: Written): Promise<void> {
    const name = { streamId: 1, base: this.#position, generation: 0 };
    const builder = new SegmentBuilder(nodeFileSystem, this.folder, UUID, name);
    for (const [key, value, atMs] of messages) {
      const bytes = encodeUtf8(textOf(key, value));
      builder.add({ bytes, position: this.#position, number: this.#number++, atMs });
      this.#position += bytes.length;
    }
    this.rows.push(await builder.finish());
  }

  /** Compacts all, as a plan of them would. */
  async compact(
    policy: Partial<CompactionPolicy> = {},
    parts: Partial<RewriteParts> & { isFromStart?: boolean } = {},
  ): Promise<void> {
    const { isFromStart = true, ...others } = parts;
    const found = this.rows.findIndex(({ generation }) => generation === 0);
    const cleanCount = found < 0 ? this.rows.length : found;
    await rewriteSegments({ segments: this.rows, cleanCount, isFromStart }, {
      key: "/k",
      deleteKeepMs: DAY_MS,
      ...policy,
    }, {
      fileSystem: nodeFileSystem,
      folder: this.folder,
      uuid: UUID,
      open: this.open,
      pacer: new Pacer(this.#clock, { yieldFor: () => Promise.resolve() }, 0.5),
      segmentBytes: 1,
      maxReplaced: 100,
      memoryBytes: 1024 * 1024,
      nowMs: 10 * DAY_MS,
      seed: 1,
      replace: (old, segment) => {
        const at = this.rows.indexOf(old[0] ?? segment);
        this.rows = this.rows.toSpliced(at, old.length, segment);
        return Promise.resolve(true);
      },
      checkGoesOn: () => {},
      ...others,
    });
  }

  /** What the segments have, and the numbers of the messages. */
  async read(): Promise<{ values: string[]; numbers: number[] }> {
    const values: string[] = [];
    const numbers: number[] = [];
    for (const row of this.rows) {
      await scanSegment(
        this.open,
        row,
        ({ bytes, start, end, number }) => {
          const { v } = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end - 2)));
          values.push(v);
          numbers.push(number);
        },
        () => Promise.resolve(),
      );
    }
    return { values, numbers };
  }
}

function textOf(key: string | undefined, value: string): string {
  const headers = value.startsWith("-") ? { operation: "delete" } : undefined;
  return `${JSON.stringify({ k: key, v: value, headers })},\n`;
}

function withKit(run: (kit: Kit) => Promise<void>): () => Promise<void> {
  return () =>
    withTempDir(async (root) => {
      const kit = new Kit(root);
      try {
        await run(kit);
      } finally {
        kit.open.close();
      }
    });
}

Deno.test(
  "of each key the newest message stays, with its number; so does what has no key",
  withKit(async (kit) => {
    await kit.add([["a", "a1", 1], ["b", "b1", 2], [undefined, "x", 3], ["a", "a2", 4]]);
    await kit.add([["c", "c1", 5], ["a", "a3", 6], ["d", "d1", 7], ["e", "e1", 8]]);
    await kit.compact();
    // The last one of a segment always stays.
    assert.deepEqual(await kit.read(), {
      values: ["b1", "x", "a2", "c1", "a3", "d1", "e1"],
      numbers: [1, 2, 3, 4, 5, 6, 7],
    });
    assert.deepEqual(kit.rows.map(({ generation }) => generation), [1, 1]);
    await kit.add([["c", "c2", 9], ["b", "b2", 10]]);
    await kit.compact({}, { segmentBytes: 1024 });
    assert.deepEqual((await kit.read()).values, ["x", "a2", "a3", "d1", "e1", "c2", "b2"]);
    assert.equal(kit.rows.length, 1, "small ones become one");
  }),
);

Deno.test(
  "of many small segments no more become one than a record names",
  withKit(async (kit) => {
    for (let i = 0; i < 7; i++) await kit.add([[`k${i}`, `v${i}`, i]]);
    await kit.compact({}, { segmentBytes: 1024 * 1024, maxReplaced: 3 });
    assert.equal(kit.rows.length, 3);
    assert.equal((await kit.read()).values.length, 7);
  }),
);

Deno.test(
  "where the newer messages end is told with each segment",
  withKit(async (kit) => {
    await kit.add([["a", "a1", 1], ["b", "b1", 2]]);
    await kit.add([["a", "a2", 3], ["c", "c1", 4]]);
    await kit.add([["a", "a3", 5], ["b", "b2", 6]]);
    const told: number[] = [];
    const replace: RewriteParts["replace"] = (_old, _segment, newestUpTo) => {
      told.push(newestUpTo);
      return Promise.resolve(true);
    };
    const ends = kit.rows.map(({ end }) => end);
    await kit.compact({}, { replace });
    assert.deepEqual(told, [ends[2], ends[2], ends[2]]);
  }),
);

Deno.test(
  "a deletion stays as long as it says, and then goes with all that it deletes",
  withKit(async (kit) => {
    const nowMs = 10 * DAY_MS;
    await kit.add([["a", "a1", 1], ["b", "b1", 2], ["a", "-a", nowMs - DAY_MS - 1], [
      "c",
      "c1",
      nowMs,
    ]]);
    await kit.add([["b", "-b", nowMs], ["d", "d1", nowMs]]);
    // A block's time is that of its last message.
    await kit.compact({}, { nowMs: nowMs + DAY_MS });
    assert.deepEqual((await kit.read()).values, ["-a", "c1", "-b", "d1"]);
    await kit.add([["e", "e1", nowMs + 2 * DAY_MS], ["f", "f1", nowMs + 2 * DAY_MS]]);
    await kit.compact({}, { nowMs: nowMs + DAY_MS + 1, isFromStart: false });
    assert.deepEqual((await kit.read()).values, ["-a", "c1", "-b", "d1", "e1", "f1"]);
    await kit.compact({}, { nowMs: nowMs + DAY_MS + 1 });
    assert.deepEqual((await kit.read()).values, ["c1", "d1", "e1", "f1"]);
  }),
);

Deno.test(
  "a deletion stays where an older message of its key has to",
  withKit(async (kit) => {
    await kit.add([["x", "x1", 1], ["a", "a1", 1]]);
    await kit.add([["a", "-a", 2], ["b", "b1", 2]]);
    await kit.compact();
    assert.deepEqual((await kit.read()).values, ["x1", "a1", "-a", "b1"]);
    await kit.compact({}, { segmentBytes: 1024 });
    assert.deepEqual((await kit.read()).values, ["x1", "a1", "-a", "b1"]);
    await kit.add([["c", "c1", 3]]);
    await kit.compact({}, { segmentBytes: 1024 });
    assert.deepEqual((await kit.read()).values, ["x1", "b1", "c1"]);
  }),
);

Deno.test(
  "with more keys than the table takes, each compaction does a part, and none loses anything",
  withKit(async (kit) => {
    const expected = new Map<string, string>();
    for (let segment = 0; segment < 6; segment++) {
      const messages: [string, string, number][] = [];
      for (let i = 0; i < 40; i++) {
        const key = `k${(segment * 13 + i * 7) % 60}`;
        const value = `${segment}-${i}`;
        messages.push([key, value, segment]);
        expected.set(key, value);
      }
      await kit.add(messages);
    }
    let before = Infinity;
    for (let round = 0; round < 8; round++) {
      await kit.compact({}, { memoryBytes: 24 * 64 });
      const { values } = await kit.read();
      assert.ok(values.length <= before);
      before = values.length;
      for (const value of expected.values()) assert.ok(values.includes(value), value);
    }
    assert.ok(before < 150, `${before} of 240 are left`);
  }),
);

Deno.test(
  "a compaction that can't put its segments in place leaves none",
  withKit(async (kit) => {
    await kit.add([["a", "a1", 1], ["a", "a2", 2], ["b", "b1", 3]]);
    await kit.compact({}, { replace: () => Promise.resolve(false) });
    await assert.rejects(
      kit.compact({}, {
        checkGoesOn: () => {
          throw new Error("over");
        },
      }),
      /over/,
    );
    assert.deepEqual((await kit.read()).values, ["a1", "a2", "b1"]);
    const names = Array.from(Deno.readDirSync(segmentFolder(kit.folder, 1)), ({ name }) => name);
    assert.ok(!names.some((name) => name.includes(".g")), `${names}`);
  }),
);
