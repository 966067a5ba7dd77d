import { deepStrictEqual as equal } from "node:assert";
import { files, violates } from "./rules_kit.ts";
import { checkTestNames } from "./test_names.ts";
import type { Violations } from "./violations.ts";

function check(source: string): Violations {
  return checkTestNames(files({ "tests/a_test.ts": source }));
}

Deno.test("test names: a name without a space, or one that begins like a type's, is found", () => {
  violates(check(`\nDeno.test("AppendMovesTheTail", f);`), /^tests\/a_test\.ts:2: .*AppendMoves/);
  violates(check(`Deno.test("append", f);`), /"append" isn't a sentence/);
  violates(check(`Deno.test("TailBuffer: a copy is taken", f);`), /isn't a sentence/);
  violates(check(`Deno.test({ name: "TailMoves", fn: f });`), /TailMoves/);
  violates(check(`Deno.test.only("TailMoves", f);`), /TailMoves/);
  violates(check(`await t.step("TailMoves", f);`), /TailMoves/);
  violates(check(`it("TailMoves", f);`), /TailMoves/);
  violates(check(`itWithStream("TailMoves", f);`), /TailMoves/);
  violates(check("Deno.test(`TailMoves${x}`, f);"), /TailMoves/);
});

Deno.test("test names: a sentence is fine, and so is a string that is no test's name", () => {
  equal(check(`Deno.test("an append moves the tail", f);`), []);
  equal(check(`Deno.test("SSE: JSON is encoded once", f);`), []);
  equal(check(`Deno.test("EventSource: ids go on", f);`), [], "the browser's own name");
  equal(check(`Deno.test({ name: "the tail moves", fn: f });`), []);
  equal(check("Deno.test(`${kind}: the tail moves`, f);"), []);
  equal(check(`test("TailMoves", f);\nregExp.test("TailMoves");\nDeno.test(NAME, f);`), []);
});
