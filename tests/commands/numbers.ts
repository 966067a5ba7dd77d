import { equal } from "node:assert/strict";

/** What `seq 1 COUNT` writes. */
export function seq(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i + 1}\n`).join("");
}

/** Checks that this is what `seq 1 COUNT` writes; says where it isn't. */
export function checkSeq(output: Uint8Array, count: number): void {
  const lines = new TextDecoder().decode(output).split("\n");
  equal(lines.pop(), "", "the last line has its end");
  const wrong = lines.findIndex((line, i) => line !== String(i + 1));
  equal(wrong < 0 ? "all in order" : `line ${wrong + 1} is ${lines[wrong]}`, "all in order");
  equal(lines.length, count);
}
