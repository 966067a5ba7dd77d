import { type Bytes, concatBytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import type { CommandContext } from "../../context/command_context.ts";

const NEWLINE = 0x0a;

/** Stdout of several streams: where another stream's output begins, a line with its name comes first. */
export class SharedOutput {
  readonly #context: CommandContext;
  #name: string | undefined;
  #endsLine = true;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /**
   * Writes a stream's output, after `==> NAME <==` if another stream's came last.
   *
   * @throws {BrokenPipe}
   */
  async write(name: string, bytes: Bytes): Promise<void> {
    if (bytes.length === 0) return;
    const isFirst = this.#name === undefined;
    const header = name === this.#name
      ? ""
      : `${this.#endsLine ? "" : "\n"}${isFirst ? "" : "\n"}==> ${name} <==\n`;
    this.#name = name;
    this.#endsLine = bytes.at(-1) === NEWLINE;
    // In one write, so that no other stream's output comes in between.
    await this.#context.write(header === "" ? bytes : concatBytes([encodeUtf8(header), bytes]));
  }
}
