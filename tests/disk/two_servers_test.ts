import { equal, match, rejects } from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { installTestTools } from "../tools/install.ts";
import { type Program, startProgram } from "../tools/program.ts";

/** One directory has one server, however the next one is started and however the last one ended. */

const RIVALS = 6;

for (const first of RUNTIME_TARGETS) {
  Deno.test(`${first.name} keeps every other server out of its directory until it is killed`, () =>
    withTempDir(async (root) => {
      await installTestTools();
      const dir = `${root}/streams`;
      const link = `${root}/link`;
      symlinkSync(dir, link);
      let holder = await startProgram([...await first.command(), "--port", "0", "--dir", dir]);
      try {
        for (const second of RUNTIME_TARGETS) {
          const command = [...await second.command(), "--port", "0", "--dir"];
          await failsToStart([...command, dir], holder);
          await failsToStart([...command, link], holder);
        }
        equal((await fetch(`${holder.url}/still`, { method: "PUT" })).status, 201);
        await holder.kill();
        holder = await startProgram([...await first.command(), "--port", "0", "--dir", link]);
        await failsToStart([...await first.command(), "--port", "0", "--dir", dir], holder);
        equal((await fetch(`${holder.url}/still`, { method: "HEAD" })).status, 200);
      } finally {
        await holder.kill();
      }
    }));
}

Deno.test("of several servers started at once on a new directory exactly one starts", () =>
  withTempDir(async (root) => {
    await installTestTools();
    const commands = await Promise.all(RUNTIME_TARGETS.map((target) => target.command()));
    const started: Program[] = [];
    const failures: string[] = [];
    await Promise.all(Array.from({ length: RIVALS }, async (_, i) => {
      const command = commands[i % commands.length] ?? [];
      try {
        started.push(await startProgram([...command, "--port", "0", "--dir", `${root}/streams`]));
      } catch (error) {
        failures.push(String(error));
      }
    }));
    for (const program of started) await program.kill();
    equal(started.length, 1, failures.join("\n"));
    for (const failure of failures) match(failure, /cannot start: .*another server/);
  }));

/** It ends with 1, and its last line names the other. */
async function failsToStart(command: readonly string[], holder: Program): Promise<void> {
  await rejects(
    startProgram(command),
    new RegExp(
      `\\(1\\):\\n\\S+ INFO starting: .*\\n\\S+ FATAL cannot start: .*another server, process ${holder.pid}, holds.*\\n$`,
    ),
  );
}
