import { deepStrictEqual as equal } from "node:assert";
import { checkFunctions } from "./functions.ts";
import { files, violates } from "./rules_kit.ts";
import type { Violations } from "./violations.ts";

/** The check, of a source between two others, with a limit of four lines. */
function check(source: string, path = "src/a.ts"): Violations {
  return checkFunctions(files({ [path]: `let x = 1;\n${source}\nx = 2;\n` }), 4);
}

const THREE = "  x++;\n".repeat(3);

Deno.test("functions: each kind that is too long is found where it begins, with its name", () => {
  violates(check(`function f() {\n${THREE}}`), /^src\/a\.ts:2: f has 5 lines, more than 4/);
  violates(check(`export async function* g(\n  a: 1,\n) {\n${THREE}}`), /g has 7 lines/);
  violates(check(`const h = () => {\n${THREE}};`), /h has 5 lines/);
  violates(check(`const i = function () {\n${THREE}};`), /i has 5 lines/);
  violates(check(`class A {\n  j(): void {\n${THREE}  }\n}`), /src\/a\.ts:3: j has 5 lines/);
  violates(check(`class A {\n  static async #k(\n    a: 1,\n  ) {\n${THREE}  }\n}`), /k has 7/);
  violates(check(`class A {\n  readonly l = () => {\n${THREE}  };\n}`), /l has 5 lines/);
  violates(check(`class A {\n  constructor() {\n${THREE}  }\n}`), /constructor has 5 lines/);
  violates(check(`class A {\n  get m() {\n${THREE}  }\n}`), /m has 5 lines/);
  violates(check(`const o = { n() {\n${THREE}} };`), /n has 5 lines/);
  violates(check(`x.forEach((one) => {\n${THREE}});`), /the function given to x\.forEach has 5/);
  violates(check(`function f(s = "{", r = /[}]/, t = \`{\${x}\`) {\n${THREE}}`), /f has 5 lines/);
});

Deno.test("functions: one at the limit is fine, and a class isn't a function", () => {
  equal(check("function f() {\n  x++;\n  x++;\n}"), []);
  equal(check(`class A {\n  b = 1;\n  c = 2;\n  d = 3;\n  e() {}\n}`), []);
});

Deno.test("functions: a list of tests may be long, its tests not", () => {
  const list = (body: string) => `export function describeAppends(it: It) {\n${body}}`;
  const test = `  it("x y", () => {\n  });\n`;
  equal(check(list(test.repeat(3)), "tests/contract/appends.ts"), []);
  violates(check(list(test.repeat(3))), /describeAppends has 8 lines/);
  violates(
    check(list(`  it("x y", () => {\n${THREE}  });\n`), "tests/a.ts"),
    /the function given to it/,
  );
});
