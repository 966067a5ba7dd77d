import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { LineSplitter } from "../../../../src/cli/commands/input/line_splitter.ts";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";

function split(chunks: readonly string[], pieceBytes: number): string[] {
  const splitter = new LineSplitter(pieceBytes);
  const lines = chunks.flatMap((chunk) => splitter.push(encodeUtf8(chunk)));
  return [...lines, ...splitter.end()].map((line) => new TextDecoder().decode(line));
}

Deno.test("lines keep their ends, and the last one may have none", () => {
  deepEqual(split(["a\nb\r\n\nc"], 100), ["a\n", "b\r\n", "\n", "c"]);
  deepEqual(split(["a\n"], 100), ["a\n"]);
  deepEqual(split([], 100), []);
  deepEqual(split(["", ""], 100), []);
});

Deno.test("a line longer than a piece comes in pieces", () => {
  deepEqual(split(["abcdefgh\ni"], 3), ["abc", "def", "gh\n", "i"]);
  deepEqual(split(["abc\nd"], 3), ["abc", "\n", "d"]);
  deepEqual(split(["ab\nd"], 3), ["ab\n", "d"]);
});

Deno.test("lines are the same however the chunks fall, and nothing is lost", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 60 });
  fc.assert(fc.property(text, fc.array(fc.nat(60)), fc.integer({ min: 1, max: 9 }), check));
});

function check(text: string, cuts: readonly number[], pieceBytes: number): void {
  const places = [...cuts, 0, text.length].map((cut) => Math.min(cut, text.length))
    .sort((a, b) => a - b);
  const chunks = places.slice(1).map((end, i) => text.slice(places[i], end));
  const lines = split(chunks, pieceBytes);
  deepEqual(lines.join(""), text);
  deepEqual(lines, split([text], pieceBytes));
  const whole = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  deepEqual(
    lines,
    whole.flatMap((line) => line.match(new RegExp(`[^]{1,${pieceBytes}}`, "g")) ?? []),
  );
}
