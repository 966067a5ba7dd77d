import { closingLine, NONE } from "./counts.ts";
import type { Suite } from "./suites.ts";
import { TestCounter } from "./test_counter.ts";

/** Where progress is shown. */
export interface ProgressOutput {
  /** A line can be drawn over. */
  readonly isTerminal: boolean;
  write(text: string): void;
}

/** How often a line is written where none can be drawn over. */
const LINE_MS = 60_000;

/**
 * Shows how far a suite is: on a terminal in a line that is drawn over, elsewhere in a line a minute. A
 * test that fails is told at once.
 */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #name: string;
  readonly #startMs: number;
  readonly #parsePart: Suite["parsePart"];
  readonly #counter = new TestCounter();
  #text = "";
  #lineMs: number;

  /** @param parsePart counts what there was so far in what the suite wrote */
  constructor(
    output: ProgressOutput,
    { name, parsePart }: Pick<Suite, "name" | "parsePart">,
    nowMs: number,
  ) {
    this.#output = output;
    this.#name = name;
    this.#parsePart = parsePart;
    this.#startMs = nowMs;
    this.#lineMs = nowMs;
    this.#draw(`${name}: …`);
  }

  /** Takes what the suite wrote. */
  add(text: string): void {
    this.#text += text;
    for (const name of this.#counter.add(text)) {
      this.clear();
      this.#output.write(`${this.#name}: FAILED: ${name}\n`);
    }
  }

  /** Called every second or so. */
  tick(nowMs: number): void {
    const seconds = Math.round((nowMs - this.#startMs) / 1000);
    const line = `${this.#name}: ${
      closingLine(this.#parsePart?.(this.#text) ?? NONE)
    } so far, ${seconds} s`;
    this.#draw(line);
    if (this.#output.isTerminal || nowMs - this.#lineMs < LINE_MS) return;
    this.#lineMs = nowMs;
    this.#output.write(`${line}\n`);
  }

  /** Removes what was drawn. */
  clear(): void {
    if (this.#output.isTerminal) this.#output.write("\r\x1b[K");
  }

  #draw(line: string): void {
    if (this.#output.isTerminal) this.#output.write(`\r\x1b[K${line}`);
  }
}
