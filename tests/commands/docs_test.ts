import { equal, ok } from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { commands } from "../../src/cli/commands.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { inRepo } from "../tools/repo.ts";
import { runBlock, shellBlocks } from "../tools/shell_blocks.ts";
import { SteadyServer } from "./steady_server.ts";

/** docs/COMMANDS.md: every example, in its order, against one server, with what it prints. */

const page = readFileSync(inRepo("docs", "COMMANDS.md"), "utf8");

Deno.test("every example of docs/COMMANDS.md prints what it says", async () => {
  await using server = await SteadyServer.start();
  await withTempDir((dir) => {
    const program = join(dir, "durable-streams");
    writeFileSync(
      program,
      `#!/bin/sh\nexec '${Deno.execPath()}' run -A '${inRepo("main.ts")}' "$@"\n`,
    );
    chmodSync(program, 0o755);
    const env = {
      PATH: `${dir}:${process.env["PATH"]}`,
      DURABLE_STREAMS_URL: server.url,
      NO_COLOR: "1",
    };
    const { host } = new URL(server.url);
    for (const { script, output } of shellBlocks(page)) {
      const printed = runBlock(script.replaceAll("localhost:4437", host), env);
      equal(withoutSpaces(printed), withoutSpaces(output ?? ""), script);
    }
  });
});

/** Which space a stream's offsets are of is another each time. */
function withoutSpaces(text: string): string {
  return text.replaceAll(/\b[0-9a-z]{8}(-\d{16})\b/g, "$1");
}

Deno.test("docs/COMMANDS.md has every command and every example is run", () => {
  for (const { name } of commands.slice(1)) ok(page.includes(`\n| \`${name} `), name);
  const fences = page.split("\n").filter((line) => line.startsWith("```") && line !== "```");
  equal(shellBlocks(page).length, fences.length);
  ok(fences.every((line) => line === "```sh"));
});
