import { Message } from "../../../client/reader/message.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { isJsonType } from "../../../protocol/content_type.ts";
import { machineFormat, plainFormat, type RecordFormat } from "./record_format.ts";

const NEWLINE = 0x0a;

/** How a {@link Printer} prints. */
export interface PrinterOptions {
  /**
   * Where it prints to.
   *
   * @throws {BrokenPipe}
   */
  write(bytes: Bytes): Promise<void>;
  readonly contentType: string;
  /** One JSON object for each message. */
  readonly machine: boolean;
  /** The name of the stream, if several streams are printed. */
  readonly stream?: string;
  /** How many messages are printed at most; lines if the stream isn't JSON. */
  readonly limit?: number | undefined;
  /** How many messages or lines are left out before the first that is printed. */
  readonly skip?: number;
}

/** Prints messages, up to a limit. */
export class Printer {
  readonly #write: (bytes: Bytes) => Promise<void>;
  readonly #format: RecordFormat;
  readonly #isJson: boolean;
  readonly #limitsLines: boolean;
  #remaining: number;
  #skip: number;

  constructor({ write, contentType, machine, stream, limit, skip }: PrinterOptions) {
    this.#write = write;
    this.#format = machine ? machineFormat(contentType, stream) : plainFormat(contentType);
    this.#isJson = isJsonType(contentType);
    this.#limitsLines = !machine && !this.#isJson;
    this.#remaining = limit ?? Infinity;
    this.#skip = skip ?? 0;
  }

  /** Whether the limit is reached. */
  get isDone(): boolean {
    return this.#remaining <= 0;
  }

  /**
   * Prints messages; resolves when they are written.
   *
   * @param receivedMs when they arrived, if that tells when they were written
   * @throws {BrokenPipe}
   */
  async print(messages: readonly Message[], receivedMs?: number): Promise<void> {
    const wanted = this.#skip === 0 ? messages : this.#withoutFirst(messages);
    const allowed = this.#remaining === Infinity ? wanted : this.#take(wanted);
    if (allowed.length > 0) await this.#write(this.#format(allowed, receivedMs));
  }

  #withoutFirst(messages: readonly Message[]): readonly Message[] {
    if (!this.#isJson) return this.#withoutFirstLines(messages);
    const count = Math.min(this.#skip, messages.length);
    this.#skip -= count;
    return messages.slice(count);
  }

  #withoutFirstLines(messages: readonly Message[]): readonly Message[] {
    const kept: Message[] = [];
    for (const message of messages) {
      const { end, lines } = firstLines(message.bytes, this.#skip);
      this.#skip -= lines;
      if (end === 0) kept.push(message);
      else if (end < message.bytes.length) {
        kept.push(new Message(message.bytes.subarray(end), message.offset));
      }
    }
    return kept;
  }

  #take(messages: readonly Message[]): readonly Message[] {
    if (this.#limitsLines) return this.#takeLines(messages);
    const taken = messages.slice(0, this.#remaining);
    this.#remaining -= taken.length;
    return taken;
  }

  #takeLines(messages: readonly Message[]): readonly Message[] {
    const taken: Message[] = [];
    for (const message of messages) {
      if (this.isDone) break;
      const { end, lines } = firstLines(message.bytes, this.#remaining);
      this.#remaining -= lines;
      taken.push(new Message(message.bytes.subarray(0, end), message.offset));
    }
    return taken;
  }
}

/** Where the first `count` lines end, or all if there are fewer, and how many of them are complete. */
function firstLines(bytes: Bytes, count: number): { end: number; lines: number } {
  let end = 0;
  let lines = 0;
  while (lines < count && end < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, end);
    end = newline < 0 ? bytes.length : newline + 1;
    if (newline >= 0) lines++;
  }
  return { end, lines };
}
