import { deepEqual } from "node:assert/strict";
import { textOf } from "../../../src/page/reading/message.ts";
import { type Content, splitMessages } from "../../../src/page/reading/split.ts";

const encoder = new TextEncoder();

function at(position: number): string {
  return `abcdefgh_${String(position).padStart(16, "0")}`;
}

function split(text: string, content: Content, start: number, end: number) {
  return splitMessages(encoder.encode(text), content, { start: at(start), end: at(end) })
    .map(({ bytes, start, end }) => [textOf(bytes), start, end]);
}

Deno.test("JSON messages are where they are stored, with a comma and a line break behind each", () => {
  deepEqual(split(`[{"a":"],["}, 12,"ä"]`, "json", 100, 123), [
    [`{"a":"],["}`, at(100), at(113)],
    ["12", at(113), at(117)],
    [`"ä"`, at(117), at(123)],
  ]);
});

Deno.test("text is lines with their line breaks, the last one perhaps without", () => {
  deepEqual(split("one\n\nthré", "text", 0, 10), [
    ["one\n", at(0), at(4)],
    ["\n", at(4), at(5)],
    ["thré", at(5), at(10)],
  ]);
});

Deno.test("where places can't be counted, each message has those of its answer", () => {
  // CRLF on disk, and one byte less over server-sent events.
  deepEqual(split("a\nb\n", "text", 0, 6), [["a\n", at(0), at(6)], ["b\n", at(0), at(6)]]);
});

Deno.test("no bytes are no messages, and many are pieces", () => {
  deepEqual(split("", "bytes", 5, 5), []);
  deepEqual(split("x".repeat(65_537), "bytes", 0, 65_537).map(([, start]) => start), [
    at(0),
    at(65_536),
  ]);
});
