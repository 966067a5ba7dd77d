import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { murmur3 } from "../../../src/storage/compaction/murmur3.ts";

function hashOf(text: string, seed: number): string {
  const words = new Uint32Array(4);
  const bytes = encodeUtf8(text);
  murmur3(bytes, bytes.length, seed, words);
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
}

Deno.test("hashes are those of the reference", () => {
  assert.equal(hashOf("", 0), "00000000000000000000000000000000");
  assert.equal(
    hashOf("The quick brown fox jumps over the lazy dog", 0),
    "2f1583c3ecee2c675d7bf66ce5e91d2c",
  );
});

Deno.test("only the bytes that count change a hash, and so does the seed", () => {
  const bytes = encodeUtf8("abcdefghijklmnopqrs");
  const words = new Uint32Array(4);
  for (let length = 0; length <= bytes.length; length++) {
    murmur3(bytes, length, 7, words);
    const text = "abcdefghijklmnopqrs".slice(0, length);
    assert.equal([...words].map((w) => w.toString(16).padStart(8, "0")).join(""), hashOf(text, 7));
    assert.notEqual(hashOf(text, 8), hashOf(text, 7));
  }
});
