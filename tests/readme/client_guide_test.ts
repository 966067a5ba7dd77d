import { equal, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** docs/CLIENT.md's examples, run as they stand there but for the port. */

const EXAMPLE = /```ts\n([\s\S]*?)```\n(?:\n```output\n([\s\S]*?)```)?/g;
const SERVER = "http://127.0.0.1:4437";

const guide = readFileSync(inRepo("docs", "CLIENT.md"), "utf8");
const examples = [...guide.matchAll(EXAMPLE)].map(([, code = "", output]) => ({ code, output }));

Deno.test("every example of the client's guide does what it says", async (t) => {
  ok(examples.length >= 6, "the guide has its examples");
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-guide-"));
  const server = await startProgram(
    [process.execPath, "run", "-A", "main.ts", "--port", "0", "--storage", "memory"],
  );
  try {
    for (const [index, { code, output }] of examples.entries()) {
      await t.step(`example ${index + 1}`, () => {
        ok(output !== undefined, `an output follows the example:\n${code}`);
        const file = join(dir, `example_${index + 1}.ts`);
        writeFileSync(file, code.replaceAll(SERVER, server.origin));
        equal(run(file), output, code);
      });
    }
    await server.stop();
  } finally {
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
});

/** What the program prints; its types are checked too. */
function run(file: string): string {
  const args = ["run", "-A", "--check", "--config", inRepo("deno.json"), file];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 60_000,
  });
  equal(status, 0, `${file}:\n${stdout}${stderr}`);
  return stdout;
}
