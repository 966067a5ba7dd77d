import { equal, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { buildPackage } from "../tools/package_build.ts";
import { runCommand } from "../tools/command.ts";
import { nodePath } from "../tools/node.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** The client's examples in docs/CLIENT.md and README.md, run as they stand there but for the port. */

const EXAMPLE = /```ts\n([\s\S]*?)```\n(?:\n```output\n([\s\S]*?)```)?/g;
const SERVER = "http://127.0.0.1:4437";

const guide = examplesOf("docs", "CLIENT.md");
const readme = examplesOf("README.md").filter(({ code }) =>
  code.includes("durable-streams/client")
);

function examplesOf(...path: string[]): { code: string; output: string | undefined }[] {
  const text = readFileSync(inRepo(...path), "utf8");
  return [...text.matchAll(EXAMPLE)].map(([, code = "", output]) => ({ code, output }));
}

Deno.test("README's example runs on Node 20, and twice in a row", async () => {
  await buildPackage();
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-readme-"));
  const server = await startProgram(
    [process.execPath, "run", "-A", "main.ts", "--port", "0", "--storage", "memory"],
  );
  try {
    mkdirSync(join(dir, "node_modules"));
    symlinkSync(inRepo(), join(dir, "node_modules", "durable-streams"));
    const file = join(dir, "example.mjs");
    writeFileSync(file, (readme[0]?.code ?? "").replaceAll(SERVER, server.origin));
    for (let times = 0; times < 2; times++) {
      const { code, output } = await runCommand([await nodePath("20.20.2"), file], {
        limitMinutes: 1,
      });
      equal(code, 0, output);
      ok(output.startsWith("{ token: 'Hel' }"), output);
    }
    await server.stop();
  } finally {
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
});

Deno.test("every example of the client's guide does what it says", async (t) => {
  ok(guide.length >= 6 && readme.length === 1, "the examples are found");
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-guide-"));
  const server = await startProgram(
    [process.execPath, "run", "-A", "main.ts", "--port", "0", "--storage", "memory"],
  );
  try {
    // README's is run again as it stands: what it made the first time must not be in its way.
    for (const [index, { code, output }] of [...readme, ...readme, ...guide].entries()) {
      await t.step(`example ${index + 1}`, () => {
        const file = join(dir, `example_${index + 1}.ts`);
        writeFileSync(file, code.replaceAll(SERVER, server.origin));
        const printed = run(file);
        if (output === undefined) ok(printed.startsWith('{ token: "Hel" }'), printed);
        else equal(printed, output, code);
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
    timeout: 180_000,
  });
  equal(status, 0, `${file}:\n${stdout}${stderr}`);
  return stdout;
}
