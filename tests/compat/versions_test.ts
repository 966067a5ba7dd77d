import { deepEqual, ok } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { inRepo } from "../tools/repo.ts";
import tools from "../package.json" with { type: "json" };

const page = readFileSync(inRepo("docs", "COMPATIBILITY.md"), "utf8");
const rows = page.split("\n").filter((line) => line.startsWith("| "));

Deno.test("docs/COMPATIBILITY.md names the versions that are tried", () => {
  const installed = Object.entries(tools.devDependencies)
    .filter(([name]) => /^(?:@durable-streams\/(?!server)|@tanstack\/db|yjs|htmx)/.test(name));
  const unnamed = installed.filter(([name, version]) =>
    !rows.some((row) => row.includes(`\`${name}\``) && row.includes(version))
  );
  deepEqual(unnamed, []);
});

Deno.test("docs/COMPATIBILITY.md names tests that are there", () => {
  const paths = rows.flatMap((row) => row.match(/tests\/compat\/[\w./]+/g) ?? []);
  ok(paths.length >= rows.length - 2);
  deepEqual(paths.filter((path) => !existsSync(inRepo(path))), []);
});
