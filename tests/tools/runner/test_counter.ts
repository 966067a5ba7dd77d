import { type Counts, NONE } from "./counts.ts";

/** A test's own line: steps are indented, and what a test writes has no such end. */
const RESULT = /^(\S.*?) \.\.\. (ok|FAILED|ignored|cancelled)(?: \(.*\))?$/;

/** Counts the tests of `deno test` while it runs, from what it writes. */
export class TestCounter {
  #counts: Counts = NONE;
  #rest = "";

  /** How many there were so far. */
  get counts(): Counts {
    return this.#counts;
  }

  /** Takes what was written next; the names of the tests in it that failed. */
  add(text: string): readonly string[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => {
      const [, name = "", result] = RESULT.exec(line) ?? [];
      if (result === undefined) return [];
      const { passed, failed, skipped } = this.#counts;
      if (result === "ok") this.#counts = { passed: passed + 1, failed, skipped };
      else if (result === "ignored") this.#counts = { passed, failed, skipped: skipped + 1 };
      else this.#counts = { passed, failed: failed + 1, skipped };
      return result === "FAILED" || result === "cancelled" ? [name] : [];
    });
  }
}

/** What of a run of `deno test` had come to a result when this was written. */
export function countDenoTests(output: string): Counts {
  const counter = new TestCounter();
  counter.add(`${output}\n`);
  return counter.counts;
}
