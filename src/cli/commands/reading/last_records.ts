import { Message } from "../../../client/reader/message.ts";
import { isJsonType } from "../../../protocol/content_type.ts";

const NEWLINE = 0x0a;

/** The end of the messages read: the last messages of a JSON stream, the last lines of any other. */
export interface LastRecords {
  add(messages: readonly Message[]): void;
  /** Whether all of them are here, so that nothing earlier is needed. */
  readonly isFull: boolean;
  take(): readonly Message[];
}

/** Keeps the last `count` messages or lines that are added, and little more. */
export function lastRecords(contentType: string, count: number): LastRecords {
  if (count === 0) return NO_RECORDS;
  return isJsonType(contentType) ? new LastMessages(count) : new LastLines(count);
}

/** None are asked for: without this all of a stream would be read for the line before them. */
const NO_RECORDS: LastRecords = { add: () => {}, isFull: true, take: () => [] };

class LastMessages implements LastRecords {
  readonly #count: number;
  #messages: Message[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  get isFull(): boolean {
    return this.#messages.length >= this.#count;
  }

  add(messages: readonly Message[]): void {
    this.#messages = [...this.#messages, ...messages].slice(-this.#count);
  }

  take(): readonly Message[] {
    return this.#messages;
  }
}

class LastLines implements LastRecords {
  readonly #count: number;
  readonly #chunks: { message: Message; newlines: number }[] = [];
  #newlines = 0;

  constructor(count: number) {
    this.#count = count;
  }

  get isFull(): boolean {
    return this.#start() !== undefined;
  }

  add(messages: readonly Message[]): void {
    for (const message of messages) {
      const newlines = countNewlines(message);
      this.#chunks.push({ message, newlines });
      this.#newlines += newlines;
    }
    // One newline more than lines, since the last one may be at the very end.
    for (
      let first = this.#chunks[0];
      first !== undefined && this.#newlines - first.newlines > this.#count;
      first = this.#chunks[0]
    ) {
      this.#newlines -= first.newlines;
      this.#chunks.shift();
    }
  }

  take(): readonly Message[] {
    const messages = this.#chunks.map(({ message }) => message);
    const start = this.#start();
    if (start === undefined) return messages;
    const [cut, ...rest] = messages.slice(start.chunk);
    if (cut === undefined) return [];
    const kept = cut.bytes.subarray(start.at);
    return kept.length === 0 ? rest : [new Message(kept, cut.offset), ...rest];
  }

  /** Right after the newline before the first of the last lines. */
  #start(): { chunk: number; at: number } | undefined {
    let lines = 0;
    let isEnd = true;
    for (let chunk = this.#chunks.length - 1; chunk >= 0; chunk--) {
      const bytes = this.#chunks[chunk]?.message.bytes;
      let at = bytes?.lastIndexOf(NEWLINE) ?? -1;
      if (bytes === undefined) continue;
      while (at >= 0) {
        const isLastByte = isEnd && at === bytes.length - 1;
        if (!isLastByte && ++lines === this.#count) return { chunk, at: at + 1 };
        at = at === 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1);
      }
      if (bytes.length > 0) isEnd = false;
    }
    return undefined;
  }
}

function countNewlines({ bytes }: Message): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
