import assert from "node:assert/strict";
import { KeyTable } from "../../../src/storage/compaction/key_table.ts";

function hashOf(key: number): Uint32Array<ArrayBuffer> {
  // Most share their first word: they collide, and only the rest tells them apart.
  return Uint32Array.of(key % 7, key, Math.imul(key, 2654435761), 1);
}

Deno.test("each key has its newest position, in whatever order they come", () => {
  const table = new KeyTable(1024 * 1024);
  const expected = new Map<number, number>();
  for (let i = 0; i < 5000; i++) {
    const key = (i * 7919) % 1777;
    assert.ok(table.add(hashOf(key), i));
    expected.set(key, i);
  }
  assert.equal(table.keys, expected.size);
  for (const [key, position] of expected) assert.equal(table.get(hashOf(key)), position);
  assert.equal(table.get(hashOf(100_000)), undefined);
  table.add(hashOf(0), 3);
  assert.equal(table.get(hashOf(0)), expected.get(0));
});

Deno.test("a full table takes no new key, and goes on with those that it knows", () => {
  const table = new KeyTable(24 * 16);
  let taken = 0;
  while (table.add(hashOf(taken), taken)) taken++;
  assert.equal(table.keys, taken);
  assert.ok(taken >= 11 && taken < 16, `${taken}`);
  assert.ok(table.add(hashOf(0), 99));
  assert.equal(table.get(hashOf(0)), 99);
  assert.equal(table.get(hashOf(taken)), undefined);
});

Deno.test("a million keys take at most 100 MB, also while the table grows", () => {
  const table = new KeyTable(64 * 1024 * 1024);
  const hash = new Uint32Array(4);
  for (let key = 0; key < 1_000_000; key++) {
    hash[0] = Math.imul(key, 2654435761);
    hash[1] = key;
    assert.ok(table.add(hash, key));
  }
  // What it had before it grew last was half of what it has now.
  assert.ok(table.sizeBytes * 1.5 <= 100e6, `${table.sizeBytes}`);
});
