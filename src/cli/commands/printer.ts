import { Message } from "../../client/message.ts";
import { isJsonType } from "../../protocol/content_type.ts";
import type { Shell } from "../shell.ts";
import { machineFormat, plainFormat, type RecordFormat } from "./record_format.ts";

const NEWLINE = 0x0a;

/** How a {@link Printer} prints. */
export interface PrinterOptions {
  readonly contentType: string;
  /** One JSON object for each message. */
  readonly machine: boolean;
  /** How many messages are printed; of other than JSON streams, lines. */
  readonly limit?: number | undefined;
}

/** Puts messages on stdout, up to a limit. */
export class Printer {
  readonly #shell: Shell;
  readonly #format: RecordFormat;
  readonly #countsLines: boolean;
  #left: number;

  constructor(shell: Shell, { contentType, machine, limit }: PrinterOptions) {
    this.#shell = shell;
    this.#format = machine ? machineFormat(contentType) : plainFormat(contentType);
    this.#countsLines = !machine && !isJsonType(contentType);
    this.#left = limit ?? Infinity;
  }

  /** Whether the limit is reached. */
  get isDone(): boolean {
    return this.#left <= 0;
  }

  /**
   * Prints messages; resolves when they are out.
   *
   * @throws {BrokenPipe}
   */
  async print(messages: readonly Message[]): Promise<void> {
    const allowed = this.#left === Infinity ? messages : this.#take(messages);
    if (allowed.length > 0) await this.#shell.write(this.#format(allowed));
  }

  #take(messages: readonly Message[]): readonly Message[] {
    if (this.#countsLines) return this.#takeLines(messages);
    const taken = messages.slice(0, this.#left);
    this.#left -= taken.length;
    return taken;
  }

  #takeLines(messages: readonly Message[]): readonly Message[] {
    const taken: Message[] = [];
    for (const message of messages) {
      if (this.isDone) break;
      let end = 0;
      while (end < message.bytes.length && !this.isDone) {
        const newline = message.bytes.indexOf(NEWLINE, end);
        end = newline < 0 ? message.bytes.length : newline + 1;
        if (newline >= 0) this.#left--;
      }
      taken.push(new Message(message.bytes.subarray(0, end), message.offset));
    }
    return taken;
  }
}
