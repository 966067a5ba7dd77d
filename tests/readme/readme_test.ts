import { equal, match, ok } from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";
import { runBlock, shellBlocks } from "../tools/shell_blocks.ts";

/** README.md's first minute, run as it stands there but for the port and the process id. */

const section = readFileSync(inRepo("README.md"), "utf8")
  .split("## The first minute")[1]?.split("\n## ")[0] ?? "";
const blocks = shellBlocks(section).map(({ script }) => script);
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

/** Runs a block of the README in the repository, where its LICENSE is. */
function sh(origin: string, block: string | undefined): string {
  const setUp = `export STREAM=${origin}/v1/stream/demo/license\n`;
  return runBlock(setUp + (block ?? "").replace(/^export STREAM=.*$/m, ""));
}

Deno.test({
  name: `README's first minute works as it says${hasCurl ? "" : " (skipped: needs curl)"}`,
  ignore: !hasCurl && process.env.CI !== "true",
  fn: firstMinute,
});

async function firstMinute(): Promise<void> {
  const [fill, read, follow, more, kill, again] = blocks;
  equal(blocks.length, 6, "the README's first minute has the blocks that this test knows");
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-readme-"));
  const command = [process.execPath, "run", "-A", "main.ts", "--port", "0", "--dir", dir];
  let server = await startProgram(command);
  try {
    sh(server.origin, fill);
    const license = readFileSync(inRepo("LICENSE"), "utf8").split("\n").slice(0, 12).join("\n");
    const first = sh(server.origin, read);
    match(first, /stream-up-to-date: true/i);
    ok(first.endsWith(`${license}\n`), first);

    const follower = spawn("bash", [
      "-euc",
      (follow ?? "").replace("$STREAM", streamOf(server.origin)),
    ]);
    try {
      const seen = received(follower.stdout, "one more line");
      sh(server.origin, more);
      match(await seen, /event: control\ndata:\{"streamNextOffset":"[0-9a-z]{8}-\d{16}"/);
    } finally {
      follower.kill("SIGKILL");
    }

    match(server.output(), new RegExp(`started pid=${server.pid}\\b`));
    match(kill ?? "", /^kill -9 PID$/m);
    await server.kill();
    server = await startProgram(command);
    ok(sh(server.origin, again).endsWith(`${license}\none more line\n`));
    await server.stop();
  } finally {
    await server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

function streamOf(origin: string): string {
  return `${origin}/v1/stream/demo/license`;
}

/** All that came up to `text`. */
function received(output: NodeJS.ReadableStream, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = "";
    output.on("data", (chunk) => {
      all += String(chunk);
      if (all.includes(text) && all.endsWith("\n\n")) resolve(all);
    });
    output.on("end", () => reject(new Error(`The follower ended without ${text}: ${all}`)));
  });
}
