import { equal, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { inRepo } from "../tools/repo.ts";

const canVerify = spawnSync("systemd-analyze", ["--version"]).status === 0;

Deno.test({
  name: `systemd accepts the unit as it is${canVerify ? "" : " (skipped: needs systemd-analyze)"}`,
  ignore: !canVerify && process.env.CI !== "true",
  fn: verifyUnit,
});

async function verifyUnit(): Promise<void> {
  const unit = readFileSync(inRepo("deploy", "durable-streams.service"), "utf8");
  await withTempDir(async (dir) => {
    const verify = async (text: string) => {
      // It looks for the program, too, which no test installs.
      const program = `${dir}/durable-streams`;
      writeFileSync(program, "#!/bin/sh\n");
      chmodSync(program, 0o755);
      const path = `${dir}/durable-streams.service`;
      writeFileSync(path, text.replaceAll("=/usr/local/bin/durable-streams", `=${program}`));
      return await runCommand(["systemd-analyze", "verify", path], { limitMinutes: 1 });
    };
    const { code, output } = await verify(unit);
    equal(code, 0, output);
    equal(output, "");
    const misspelt = await verify(unit.replace("DynamicUser", "DynamicUsers"));
    ok(misspelt.output.includes("DynamicUsers"), "a misspelt line is found");
  });
}
