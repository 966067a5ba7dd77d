import { deepEqual, equal, ok } from "node:assert/strict";
import "../../page_globals.ts";
import type { UnnumberedMessage } from "../../../../src/page/reading/message.ts";
import { MessageRing } from "../../../../src/page/reading/message_ring.ts";
import { Selection } from "../../../../src/page/views/look/selection.ts";
import { TextBlocks, type TextSource } from "../../../../src/page/views/look/text_blocks.ts";

const encoder = new TextEncoder();

function messages(texts: readonly string[]): UnnumberedMessage[] {
  return texts.map((text) => ({ bytes: encoder.encode(text), start: "", end: "" }));
}

function lines(from: number, to: number): UnnumberedMessage[] {
  return messages(Array.from({ length: to - from }, (_, n) => `${from + n}\n`));
}

/** A ring of at most so many messages, and the blocks of what is in it. */
function makeText(limit = 1_000, condition?: (text: string) => boolean) {
  const ring = new MessageRing({ messages: limit, bytes: 1e9 });
  const takes = condition &&
    (({ bytes }: { bytes: Uint8Array }) => condition(new TextDecoder().decode(bytes)));
  const source: TextSource = { ring, selection: new Selection(ring, takes), content: "text" };
  const blocks = new TextBlocks();
  const update = () => {
    source.selection.update();
    blocks.update(source);
  };
  return { ring, source, blocks, update, text: () => blocks.all.map((one) => blocks.textOf(one)) };
}

Deno.test("text is cut where lines end, and what comes goes on in the last block", () => {
  const { ring, blocks, update, text } = makeText();
  ring.push(messages(Array.from({ length: 100 }, () => "word ")));
  update();
  equal(blocks.all.length, 1);
  ring.push(messages(["end\n", "next"]));
  update();
  deepEqual(text(), ["word ".repeat(100) + "end\n", "next"]);
  const [first] = blocks.all;
  ring.push(messages([" line\n"]));
  update();
  equal(text()[1], "next line\n");
  equal(blocks.all[0], first);
});

Deno.test("blocks stay the same ones while the oldest messages go", () => {
  const { ring, blocks, update, text } = makeText(200);
  ring.push(lines(0, 200));
  update();
  const [, second, third] = blocks.all;
  ring.push(lines(200, 280));
  update();
  equal(blocks.all[0], second);
  equal(blocks.all[1], third);
  equal(second?.from, 80);
  equal(second?.messages, 48);
  ok(text()[0]?.startsWith("80\n81\n"));
  equal(text().join(""), Array.from({ length: 200 }, (_, n) => `${80 + n}\n`).join(""));
});

Deno.test("earlier text comes in blocks of its own, but for a line that goes on in what was there", () => {
  const { ring, blocks, update, text } = makeText();
  ring.push(lines(100, 200));
  update();
  const before = [...blocks.all];
  ring.prepend(lines(0, 100));
  update();
  deepEqual(blocks.all.slice(2), before);
  equal(text()[0]?.slice(0, 4), "0\n1\n");
  ring.prepend(messages(["a line\n", "and half a "]));
  update();
  equal(blocks.all.length, 4);
  equal(text()[0]?.slice(0, 20), "a line\nand half a 0\n");
  equal(blocks.all[0]?.from, -102);
});

Deno.test("a line without an end is torn, and a long message is cut", () => {
  const { ring, blocks, update, text } = makeText(10_000);
  ring.push(messages(Array.from({ length: 5_000 }, () => "x")));
  update();
  deepEqual(blocks.all.map((block) => block.messages), [2_048, 2_048, 904]);
  ring.push(messages(["\n", "y".repeat(100_000), "z"]));
  update();
  ok(text().at(-2)?.endsWith("y…\n"));
  equal(text().at(-1), "z");
});

Deno.test("a filter's blocks have what it takes, also after earlier messages have come", () => {
  const { ring, source, update, text } = makeText(1_000, (one) => one.includes("7"));
  ring.push(lines(50, 100));
  update();
  equal(text().join(""), "57\n67\n70\n71\n72\n73\n74\n75\n76\n77\n78\n79\n87\n97\n");
  ring.prepend(lines(0, 50));
  source.selection.reset();
  update();
  equal(text().join("").slice(0, 12), "7\n17\n27\n37\n4");
});

Deno.test("blocks that nobody has seen are taken to be as high as the others are for their messages", () => {
  const { ring, blocks, update } = makeText();
  ring.push(lines(0, 160));
  update();
  deepEqual(blocks.heights(), [64 * 22, 64 * 22, 32 * 22]);
  const [first] = blocks.all;
  if (first !== undefined) first.heightPx = 640;
  deepEqual(blocks.heights(), [640, 640, 320]);
  blocks.forgetHeights();
  deepEqual(blocks.heights(), [64 * 22, 64 * 22, 32 * 22]);
});
