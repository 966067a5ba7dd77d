import { equal, match } from "node:assert/strict";
import { forkName, nameProblem } from "../../../src/page/checks/name_check.ts";
import { typeProblem } from "../../../src/page/checks/type_check.ts";

Deno.test("names are taken or not as the server does", () => {
  equal(nameProblem("orders/2030/ä"), undefined);
  for (const name of ["", "a/../b", "__ds/x", "a\nb", "x".repeat(1025)]) {
    match(nameProblem(name) ?? "", /^No stream can be called so: /, name);
  }
});

Deno.test("a fork is offered a name that isn't taken", () => {
  equal(forkName("a/b"), "a/b-fork");
  equal(forkName("a/b", ["a/b-fork", "a/b-fork-2"]), "a/b-fork-3");
});

Deno.test("media types are taken or not as the server does", () => {
  equal(typeProblem("text/plain; charset=utf-8"), undefined);
  match(typeProblem("json") ?? "", /not a media type/);
});
