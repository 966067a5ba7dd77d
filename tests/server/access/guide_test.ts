import { equal, ok } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { withTempDir } from "../../support/temp_dir.ts";

const GUIDE = new URL("../../../docs/EMBEDDING.md", import.meta.url);
const PACKAGE = new URL("../../../src/mod.ts", import.meta.url).href;

Deno.test("the guide's program with authorize prints what its comment says", () =>
  withTempDir(async (dir) => {
    const guide = readFileSync(GUIDE, "utf8");
    const [, code] = /<!-- authorize -->\s+```js\n([\s\S]*?)```/.exec(guide) ?? [];
    const [, printed] = /\/\/ (\d.*)/.exec(code ?? "") ?? [];
    ok(code !== undefined && printed !== undefined);
    const file = `${dir}/program.js`;
    writeFileSync(file, code.replace('"durable-streams"', JSON.stringify(PACKAGE)));
    const lines: unknown[] = [];
    const { log } = console;
    console.log = (line: unknown) => lines.push(line);
    try {
      await import(`file://${file}`);
    } finally {
      console.log = log;
    }
    equal(lines.join("\n"), printed);
  }));
