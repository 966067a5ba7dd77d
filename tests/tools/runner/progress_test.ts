import { deepStrictEqual as equal } from "node:assert";
import { parseClosingLine } from "./counts.ts";
import { Progress } from "./progress.ts";
import { countDenoTests } from "./test_counter.ts";

const suite = { name: "kill", parsePart: countDenoTests };

function shown(isTerminal: boolean, run: (progress: Progress) => void): string[] {
  const texts: string[] = [];
  run(new Progress({ isTerminal, write: (text) => texts.push(text) }, suite, 0));
  return texts;
}

Deno.test("where no line can be drawn over there is one a minute", () => {
  const texts = shown(false, (progress) => {
    for (let second = 1; second <= 130; second++) {
      if (second % 50 === 0) progress.add(`test ${second} ... ok (1s)\n`);
      progress.tick(second * 1000);
    }
    progress.clear();
  });
  equal(texts, [
    "kill: 1 passed, 0 failed so far, 60 s\n",
    "kill: 2 passed, 0 failed so far, 120 s\n",
  ]);
  equal(parseClosingLine(texts.join("")), undefined);
});

Deno.test("on a terminal one line is drawn over, and removed in the end", () => {
  const texts = shown(true, (progress) => {
    progress.tick(1000);
    progress.add("a ... ok (1ms)\n");
    progress.tick(2000);
    progress.clear();
  });
  equal(texts, [
    "\r\x1b[Kkill: …",
    "\r\x1b[Kkill: 0 passed, 0 failed so far, 1 s",
    "\r\x1b[Kkill: 1 passed, 0 failed so far, 2 s",
    "\r\x1b[K",
  ]);
});

Deno.test("a test that fails is told at once", () => {
  const texts = shown(false, (progress) => progress.add("loses data ... FAILED (1ms)\n"));
  equal(texts, ["kill: FAILED: loses data\n"]);
});
