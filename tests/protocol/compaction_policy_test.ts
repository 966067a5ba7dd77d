import assert from "node:assert/strict";
import {
  type CompactionPolicy,
  formatCompaction,
  parseCompaction,
} from "../../src/protocol/compaction_policy.ts";
import { StreamError } from "../../src/protocol/errors.ts";

const POLICIES: [string, CompactionPolicy][] = [
  ["key=state", { key: "state" }],
  ['key="/id"', { key: "/id" }],
  ['key="/a~1b/0/c,d\\"e\\\\"', { key: '/a~1b/0/c,d"e\\' }],
  ["key=state, tombstones=0", { key: "state", deleteKeepMs: 0 }],
  ['tombstones=86400 ,\tkey="/id"', { key: "/id", deleteKeepMs: 86_400_000 }],
];

Deno.test("a Stream-Compaction value says which key, and how long tombstones stay", () => {
  for (const [value, policy] of POLICIES) assert.deepEqual(parseCompaction(value), policy, value);
  assert.equal(parseCompaction(" "), undefined);
});

Deno.test("the value of a policy is read as the same policy again", () => {
  for (const [, policy] of POLICIES) {
    const again = parseCompaction(formatCompaction(policy));
    assert.deepEqual(again, { ...policy, deleteKeepMs: policy.deleteKeepMs ?? 86_400_000 });
  }
});

Deno.test("a value that makes no sense is refused with what it has wrong", () => {
  for (
    const value of [
      "state",
      "key=id",
      'key=""',
      'key="id"',
      'key="/a~2"',
      'key="/a',
      "tombstones=1",
      "key=state, key=state",
      "key=state, tombstones=-1",
      "key=state, tombstones=99999999999",
      "key=state, tombstones=1, tombstones=1",
      `key="/${"a".repeat(1024)}"`,
    ]
  ) {
    assert.throws(
      () => parseCompaction(value),
      (error) => error instanceof StreamError && error.code === "invalid_header",
      value,
    );
  }
});
