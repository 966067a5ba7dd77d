import { type Message, previewOf } from "../../reading/message.ts";
import type { MessageRing } from "../../reading/message_ring.ts";
import type { Content } from "../../reading/split.ts";
import type { Selection } from "./selection.ts";

/** A block ends with the first line that makes it as large as either of these. */
const BLOCK_MESSAGES = 64;
const BLOCK_BYTES = 16 * 1024;
/** A line that is longer than so much is torn: it goes on in the next block. */
const LINE_MESSAGES = 2_048;
const LINE_BYTES = 128 * 1024;
/** Of a message at most so much is shown: its details have the rest. */
const MESSAGE_BYTES = 16 * 1024;
/** A block that nobody has seen yet is taken to have so much height for a message, in pixels. */
const MESSAGE_PX = 22;
const LINE_FEED = 0x0a;

/** Whole lines that are drawn together: of text that runs on, where a line ends is where it can be cut. */
export interface TextBlock {
  readonly id: number;
  /** The number of its first message. */
  from: number;
  /** The number behind its last message. */
  to: number;
  messages: number;
  bytes: number;
  /** Whether what comes next begins another block. */
  isFull: boolean;
  /** How high it was when it was drawn last, in pixels. */
  heightPx: number | undefined;
}

/** What blocks are made of. */
export interface TextSource {
  readonly ring: MessageRing;
  readonly selection: Selection;
  readonly content: Content;
}

/**
 * The messages that are shown, in blocks of whole lines. Blocks keep their messages while others come behind
 * them and before them, so that what was drawn of them holds.
 */
export class TextBlocks {
  #blocks: TextBlock[] = [];
  #source: TextSource | undefined;
  #generation = 0;
  #lastId = 0;

  /** The blocks, first to last. */
  get all(): readonly TextBlock[] {
    return this.#blocks;
  }

  /** Takes in what has come and lets go of what went. */
  update({ ring, selection, content }: TextSource): void {
    const { generation } = selection;
    const isFiltered = selection.condition !== undefined;
    const isOther = this.#source?.ring !== ring || this.#source.selection !== selection ||
      this.#source.content !== content;
    if (isOther || (isFiltered && generation !== this.#generation)) this.#blocks = [];
    this.#source = { ring, selection, content };
    this.#generation = generation;
    if (selection.size === 0) this.#blocks = [];
    else this.#take(selection);
  }

  /** What a block has to show. */
  textOf({ from, to }: TextBlock): string {
    if (this.#source === undefined) return "";
    const { ring, selection } = this.#source;
    const texts: string[] = [];
    for (let row = selection.rowOf(from); row < selection.rowOf(to); row++) {
      const message = ring.at(selection.numberAt(row));
      if (message !== undefined) texts.push(this.#shown(message));
    }
    return texts.join("");
  }

  /** Where in the list of blocks the one with a message is, else the next one; the last one behind all. */
  indexOf(number: number): number {
    const index = this.#blocks.findIndex(({ to }) => number < to);
    return index < 0 ? Math.max(0, this.#blocks.length - 1) : index;
  }

  /** How high each block is, as far as is known, in whole pixels. */
  heights(): number[] {
    let px = 0;
    let messages = 0;
    for (const block of this.#blocks) {
      if (block.heightPx === undefined) continue;
      px += block.heightPx;
      messages += block.messages;
    }
    const messagePx = messages === 0 ? MESSAGE_PX : px / messages;
    return this.#blocks.map((block) => block.heightPx ?? Math.round(block.messages * messagePx));
  }

  /** Forgets how high they were, as after the width has changed. */
  forgetHeights(): void {
    for (const block of this.#blocks) block.heightPx = undefined;
  }

  #take(selection: Selection): void {
    const first = selection.numberAt(0);
    this.#blocks = this.#blocks.filter(({ to }) => to > first);
    const oldest = this.#blocks[0];
    if (oldest !== undefined && oldest.from < first) {
      oldest.messages = selection.rowOf(oldest.to);
      oldest.from = first;
    } else if (oldest !== undefined && oldest.from > first) {
      const added = this.#cut(selection, 0, selection.rowOf(oldest.from), []);
      this.#blocks = joined(added, this.#blocks, (number) => this.#endsLine(number));
    }
    const last = this.#blocks.at(-1);
    const row = last === undefined ? 0 : selection.rowOf(last.to);
    this.#cut(selection, row, selection.size, this.#blocks);
  }

  /** Adds the messages of these rows to the blocks. */
  #cut(selection: Selection, from: number, to: number, blocks: TextBlock[]): TextBlock[] {
    let block = blocks.at(-1);
    for (let row = from; row < to; row++) {
      const number = selection.numberAt(row);
      if (block === undefined || block.isFull) {
        block = {
          id: ++this.#lastId,
          from: number,
          to: number,
          messages: 0,
          bytes: 0,
          isFull: false,
          heightPx: undefined,
        };
        blocks.push(block);
      }
      block.to = number + 1;
      block.messages++;
      const length = this.#source?.ring.at(number)?.bytes.length ?? 0;
      block.bytes += Math.min(length, MESSAGE_BYTES);
      const isLarge = block.messages >= BLOCK_MESSAGES || block.bytes >= BLOCK_BYTES;
      block.isFull = isOver(block) || (isLarge && this.#endsLine(number));
    }
    return blocks;
  }

  #endsLine(number: number): boolean {
    if (this.#source === undefined) return true;
    const { content, ring } = this.#source;
    const bytes = ring.at(number)?.bytes;
    return content === "json" || bytes === undefined || bytes.length > MESSAGE_BYTES ||
      bytes.at(-1) === LINE_FEED;
  }

  #shown({ bytes, number }: Message): string {
    const isCut = bytes.length > MESSAGE_BYTES;
    const text = previewOf(bytes, MESSAGE_BYTES);
    return text + (isCut ? "…" : "") + (this.#endsLine(number) ? "\n" : "");
  }
}

function isOver({ messages, bytes }: TextBlock): boolean {
  return messages >= LINE_MESSAGES || bytes >= LINE_BYTES;
}

/** Blocks before blocks; where a line goes on from the ones to the others, the two that have it become one. */
function joined(
  before: TextBlock[],
  after: readonly TextBlock[],
  endsLine: (number: number) => boolean,
): TextBlock[] {
  const last = before.at(-1);
  const [next] = after;
  if (last === undefined || next === undefined) return [...before, ...after];
  last.isFull = true;
  if (endsLine(last.to - 1) || isOver(last)) return [...before, ...after];
  before.pop();
  next.from = last.from;
  next.messages += last.messages;
  next.bytes += last.bytes;
  next.isFull ||= isOver(next);
  return [...before, ...after];
}
