import { deepEqual, equal, throws } from "node:assert/strict";
import { compactionFlag, compactionWords } from "../../../src/cli/flags/compaction_flag.ts";
import { BadValue } from "../../../src/cli/flags/flag.ts";

Deno.test("a compaction is a key, and how long tombstones stay", () => {
  deepEqual(compactionFlag.parse("state"), { key: "state" });
  deepEqual(compactionFlag.parse(" /a/b "), { key: "/a/b" });
  deepEqual(compactionFlag.parse("/id, tombstones 1h"), { key: "/id", tombstoneSeconds: 3600 });
  deepEqual(compactionFlag.parse("state,tombstones=0s"), { key: "state", tombstoneSeconds: 0 });
  equal(compactionFlag.parse("none"), null);
});

Deno.test("a pointer may have commas, quotes and spaces", () => {
  for (const key of ["/a,b", '/a"b\\c', "/a b"]) {
    deepEqual(compactionFlag.parse(key), { key });
    for (const tombstoneSeconds of [0, 90]) {
      const compaction = { key, tombstoneSeconds };
      deepEqual(compactionFlag.parse(compactionWords(compaction)), compaction);
    }
  }
});

const WRONG = [
  "",
  "id",
  "states",
  "/~",
  "/a, tombstones 500ms",
  "/a, tombstones",
  "/a, tombstone 1h",
  "/a, tombstones forever",
  "/a, tombstones 200000d",
  ", tombstones 1h",
  "none, tombstones 1h",
  `/${"a".repeat(1025)}`,
];

for (const text of WRONG) {
  Deno.test(`no compaction is ${text.slice(0, 20) || "nothing"}`, () => {
    throws(() => compactionFlag.parse(text), BadValue);
  });
}
