import { ok } from "node:assert";
import { SUITES } from "./suites.ts";

/** As much slower as a machine may be than the one whose times the suites name. */
const SLOWER = 3;

Deno.test("a suite's limit is met by a machine that is three times slower", () => {
  for (const { name, usualSeconds = 0, limitMinutes } of SUITES) {
    ok(limitMinutes * 60 >= SLOWER * usualSeconds, `${name}: ${limitMinutes} min`);
  }
});
