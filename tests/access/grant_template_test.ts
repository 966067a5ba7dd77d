import { equal, throws } from "node:assert/strict";
import { fillTemplate, parseGrantTemplate } from "../../src/access/grant_template.ts";
import { allows, parseGrant } from "../../src/access/grant.ts";

const fill = (line: string, claims: Record<string, unknown>) =>
  fillTemplate(parseGrantTemplate(line), claims);

Deno.test("a claim fills one segment of a pattern", () => {
  equal(fill("read users/{sub}/**", { sub: "u 1{x}%2F..é" }), "read users/u 1{x}%2F..é/**");
  equal(fill("read {tenant}/{sub}", { sub: "a", tenant: "t" }), "read t/a");
  equal(fill(" read,append  chats/* ", {}), "read,append chats/*");
});

Deno.test("a claim that is no single segment makes a grant match nothing", () => {
  const values = [
    undefined,
    null,
    7,
    {},
    ["a"],
    "",
    ".",
    "..",
    "a/b",
    "/",
    "*",
    "**",
    "a*",
    "a\nb",
    "a\u0000",
    "a\u0085",
    "a\u2028",
    " a",
    "a ",
    "a\u00a0",
    "\ufeffa",
    "\ud800",
    "x".repeat(2_000),
  ];
  for (const sub of values) {
    equal(fill("read users/{sub}", { sub }), undefined, JSON.stringify(sub));
    equal(fill("read {sub}/**", { sub }), undefined, JSON.stringify(sub));
  }
  equal(fill("read users/{toString}", {}), undefined);
  equal(fill("read {sub}/x", { sub: "__ds" }), undefined);
});

Deno.test("what is filled is read again as the same single segment", () => {
  for (const sub of ["a", "read", "a b", "{sub}", "admin **".replace(/ \*\*/, ""), "é", "a,b"]) {
    const line = fill("read {sub}", { sub }) ?? "";
    equal(parseGrant(line).pattern.text, sub);
    equal(allows([parseGrant(line)], "read", sub), true);
    equal(allows([parseGrant(line)], "append", sub), false);
  }
});

Deno.test("a line that is no grant is refused, with what is wrong", () => {
  for (
    const line of [
      "",
      "read",
      "raed a",
      "read a{sub}",
      "read {sub",
      "read {}",
      "read /a",
      "read a*b",
    ]
  ) {
    throws(() => parseGrantTemplate(line), /^RangeError: The grant ".*" can't be read/, line);
  }
});
