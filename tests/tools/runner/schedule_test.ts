import { deepStrictEqual as equal } from "node:assert";
import { runInOrder } from "./schedule.ts";

interface TestSuite {
  readonly name: string;
  readonly sharesCores?: boolean;
  readonly turns: number;
  readonly usualSeconds?: number;
}

async function ran(suites: readonly TestSuite[]) {
  const events: string[] = [];
  await runInOrder(suites, async ({ name, turns }) => {
    events.push(`${name} begins`);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    events.push(`${name} ends`);
  }, () => {
    events.push("now side by side");
    return Promise.resolve();
  });
  return events;
}

Deno.test("a suite that needs all cores runs alone, and before those that share them", async () => {
  equal(
    await ran([
      { name: "a", sharesCores: true, turns: 5 },
      { name: "b", turns: 50 },
      { name: "c", turns: 5 },
    ]),
    [
      ...["b begins", "b ends", "c begins", "c ends"],
      ...["now side by side", "a begins", "a ends"],
    ],
  );
});

Deno.test("those that share the cores run two at a time, each once, the longest first", async () => {
  equal(
    await ran([
      { name: "b", sharesCores: true, turns: 10 },
      { name: "long", sharesCores: true, turns: 100, usualSeconds: 10 },
      { name: "c", sharesCores: true, turns: 10 },
    ]),
    [
      ...["now side by side", "long begins", "b begins"],
      ...["b ends", "c begins", "c ends", "long ends"],
    ],
  );
});

Deno.test("where none shares the cores nothing is prepared for it", async () => {
  equal(await ran([{ name: "a", turns: 1 }]), ["a begins", "a ends"]);
});
