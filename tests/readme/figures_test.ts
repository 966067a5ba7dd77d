import { equal, match } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { FORMAT_VERSION } from "../../src/storage/file/directory/format_file.ts";
import { SEEDED_BUGS } from "../crash/seeded/bugs.ts";
import { inRepo } from "../tools/repo.ts";

/** Figures in the docs that the source knows better. */

function page(name: string): string {
  return readFileSync(inRepo("docs", name), "utf8");
}

Deno.test("RELIABILITY.md says how many bugs are seeded, and leaves no figure blank", () => {
  const text = page("RELIABILITY.md");
  const [, count] = /seeds each of (\d+) bugs/.exec(text) ?? [];
  equal(Number(count), SEEDED_BUGS.length);
  equal(/\b(?:SEEDED|TODO|TBD|XXX)\b/.exec(text)?.[0], undefined);
});

Deno.test("MAINTENANCE.md says which version reads the current format", () => {
  match(page("MAINTENANCE.md"), new RegExp(`^\\| ${FORMAT_VERSION} +\\| \\d`, "m"));
});
