import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { lastRecords } from "../../../../src/cli/commands/reading/last_records.ts";
import { Message } from "../../../../src/client/reader/message.ts";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";

const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "\n"), maxLength: 5 }), {
  maxLength: 12,
});
const count = fc.integer({ min: 1, max: 6 });

function messagesOf(texts: readonly string[]): Message[] {
  return texts.map((text, i) => new Message(encodeUtf8(text), String(i + 1)));
}

Deno.test("the last lines are those of the whole text, each piece with its own offset", () => {
  fc.assert(fc.property(pieces, count, (texts, count) => {
    const last = lastRecords("text/plain", count);
    for (const message of messagesOf(texts)) last.add([message]);
    const lines = texts.join("").match(/[^\n]*\n|[^\n]+$/g) ?? [];
    const kept = last.take();
    equal(kept.map((message) => message.text()).join(""), lines.slice(-count).join(""));
    for (const message of kept) {
      const original = texts[Number(message.offset) - 1] ?? "";
      equal(original.endsWith(message.text()), true);
    }
  }));
});

Deno.test("the last lines are full only where the line before them is seen to end", () => {
  fc.assert(fc.property(pieces, count, (texts, count) => {
    const last = lastRecords("text/plain", count);
    last.add(messagesOf(texts));
    const lines = texts.join("").match(/[^\n]*\n|[^\n]+$/g) ?? [];
    equal(last.isFull, lines.length > count);
  }));
});

Deno.test("the last messages are counted whatever they hold", () => {
  const messages = messagesOf(["1", "[\n]", "3"]);
  const last = lastRecords("application/json", 2);
  last.add(messages.slice(0, 1));
  equal(last.isFull, false);
  last.add(messages.slice(1));
  equal(last.isFull, true);
  deepEqual(last.take(), messages.slice(1));
});

for (const contentType of ["application/json", "text/plain"]) {
  Deno.test(`the last 0 of ${contentType} need nothing earlier, and are none`, () => {
    const last = lastRecords(contentType, 0);
    last.add([new Message(encodeUtf8("1,\n2,\n3"), "o")]);
    equal(last.isFull, true);
    deepEqual(last.take(), []);
  });
}
