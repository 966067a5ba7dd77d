import { deepEqual, equal, match, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { withTempDir } from "../../support/temp_dir.ts";
import { CommandKit } from "./command_kit.ts";

async function script(shell: string): Promise<string> {
  return await new CommandKit().ok(["completion", shell]);
}

function has(shell: string): boolean {
  return spawnSync(shell, ["-c", "exit 0"]).status === 0;
}

/** What bash offers for a command line whose last word is being typed; `streams` is what `list` prints. */
async function offered(words: readonly string[], streams = ""): Promise<string[]> {
  return await withTempDir(async (dir) => {
    const completion = join(dir, "completion.bash");
    const stub = join(dir, "durable-streams");
    writeFileSync(completion, await script("bash"));
    writeFileSync(join(dir, "streams"), streams);
    writeFileSync(stub, `#!/bin/sh\nprintf '%s\\n' "$@" > ${dir}/asked\ncat ${dir}/streams\n`);
    chmodSync(stub, 0o755);
    const { status, stdout, stderr } = spawnSync("bash", [
      "-euc",
      `source "$1"; shift
       COMP_WORDS=(durable-streams "$@"); COMP_CWORD=$#
       _durable_streams
       printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      completion,
      ...words,
    ], { encoding: "utf8", env: { ...process.env, PATH: `${dir}:${process.env["PATH"]}` } });
    equal(status, 0, stderr);
    return stdout.split("\n").filter((line) => line !== "");
  });
}

Deno.test("bash offers the commands, and of the one that is named its flags", async () => {
  const withC = ["create", "close", "configure", "copy", "check", "config", "completion"];
  deepEqual(await offered(["c"]), withC);
  deepEqual(await offered(["read", "--"]), [
    "--from",
    "--since",
    "--last",
    "--limit",
    "--skip-trimmed",
    "--ordinals",
    "--json",
    "--url",
    "--header",
    "--token",
    "--token-file",
    "--timeout",
    "--retry",
    "--no-color",
    "--help",
  ]);
  deepEqual(await offered(["tail", "a/b", "-"]), await offered(["tail", "-"]));
  ok((await offered(["tail", "-"])).includes("-f"));
});

Deno.test("bash offers serve's flags where no command is named, and a flag's choices", async () => {
  ok((await offered(["--d"])).includes("--dir"));
  deepEqual(await offered(["serve", "--storage", ""]), ["file", "memory", "nats"]);
  deepEqual(await offered(["--storage", "f"]), ["file"]);
  deepEqual(await offered(["--port", ""]), []);
  deepEqual(await offered(["completion", ""]), ["bash", "zsh", "fish"]);
});

Deno.test("bash offers streams where a command takes them", async () => {
  deepEqual(await offered(["read", "lo"], "logs/a\nlogs/b\n"), ["logs/a", "logs/b"]);
  deepEqual(await offered(["append", "--lines", ""], "x\n"), ["x"]);
  deepEqual(await offered(["read", "--from", ""], "x\n"), []);
});

Deno.test("bash runs nothing that a stream's name holds", async () => {
  const name = "a$(touch hacked)`touch hacked`;b c";
  const [offer = ""] = await offered(["read", ""], `${name}\n`);
  const { stdout } = spawnSync("bash", ["-c", `printf %s ${offer}`], { encoding: "utf8" });
  equal(stdout, name);
});

Deno.test("bash's script is well-formed, and names each command", async () => {
  const text = await script("bash");
  equal(spawnSync("bash", ["-n"], { input: text }).status, 0);
  for (const verb of ["serve", "create", "append", "read", "tail", "head", "close", "fork"]) {
    match(text, new RegExp(`^    ${verb}\\)$`, "m"));
  }
});

for (const shell of ["zsh", "fish"]) {
  if (has(shell)) {
    Deno.test(`${shell}'s script is well-formed`, async () => {
      equal(spawnSync(shell, ["-n"], { input: await script(shell) }).status, 0);
    });
  }

  Deno.test(`${shell}'s script has each flag with its help`, async () => {
    const text = await script(shell);
    match(text, /Close the stream with this append/);
    // Quotes of the help are the script's own there.
    ok(!/streams' URLs/.test(text));
    match(text, /bash zsh fish/);
  });
}

Deno.test("completion says for which shells there is one", async () => {
  const { code, stderr } = await new CommandKit().run(["completion", "tcsh"]);
  equal(code, 2);
  match(stderr, /no completion for "tcsh"; accepted: bash, zsh, fish/);
});
