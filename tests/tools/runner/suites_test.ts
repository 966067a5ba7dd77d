import { ok } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { inRepo } from "../repo.ts";
import { SUITES } from "./suites.ts";

/** As much slower as a machine may be than the one whose times the suites name. */
const SLOWER = 3;

Deno.test("a suite's limit is met by a machine that is three times slower", () => {
  for (const { name, usualSeconds = 0, limitMinutes } of SUITES) {
    ok(limitMinutes * 60 >= SLOWER * usualSeconds, `${name}: ${limitMinutes} min`);
  }
});

Deno.test("CONTRIBUTING names each suite, and each suite's folder is there", () => {
  const text = readFileSync(inRepo("CONTRIBUTING.md"), "utf8");
  for (const { name, folder } of SUITES) {
    ok(text.includes(`\`${name}\``), name);
    ok(folder === undefined || existsSync(inRepo(folder)), folder);
  }
});
