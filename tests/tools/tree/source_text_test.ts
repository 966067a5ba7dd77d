import { strictEqual as equal } from "node:assert";
import { codeOf } from "./source_text.ts";

function shows(source: string, code: string): void {
  equal(codeOf(source), code);
}

Deno.test("comments become spaces and their line breaks stay", () => {
  shows("a // any\nb", "a       \nb");
  shows("a /* any\n */ b", "a       \n    b");
});

Deno.test("a string's content becomes spaces, escapes and quotes in it included", () => {
  shows(`f("any", 'a"b', "a\\"b") + x`, `f("   ", '   ', "    ") + x`);
  shows(`"// any" + b`, `"      " + b`);
});

Deno.test("a template's text becomes spaces, the code inside it stays", () => {
  shows("`any ${f({ a: `any` })} any` + b", "`    ${f({ a: `   ` })}    ` + b");
  shows("`\\`any` + b", "`     ` + b");
});

Deno.test("a regular expression's content becomes spaces, a division isn't one", () => {
  shows(`x = /[/"]any"/g.test(y)`, `x = /        /g.test(y)`);
  shows("return /any/;", "return /   /;");
  shows("(a / b) / any", "(a / b) / any");
});

Deno.test("strings stay where they are asked for", () => {
  equal(codeOf(`import "./a.ts"; // any`, { strings: true }), `import "./a.ts";       `);
});
