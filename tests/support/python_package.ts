import { equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { runCommand } from "../tools/command.ts";
import { withTempDir } from "./temp_dir.ts";

/** A package of PyPI that a test runs. */
export interface PythonPackage {
  /** As pip takes it: `name==1.0`. */
  readonly requirement: string;
  /** The name that Python imports it by. */
  readonly module: string;
}

/**
 * Registers a test of a Python that has the package. Where the machine's lacks it the test is skipped,
 * except in CI, where it is installed in a folder of the test's own.
 *
 * @param run is given the interpreter's path
 */
export function pythonTest(
  { requirement, module }: PythonPackage,
  name: string,
  run: (python: string) => Promise<void>,
): void {
  const hasPackage = spawnSync("python3", ["-c", `import ${module}`]).status === 0;
  const isSkipped = !hasPackage && process.env.CI !== "true";
  Deno.test({
    name: name + (isSkipped ? ` (skipped: needs Python with pip install ${requirement})` : ""),
    ignore: isSkipped,
    fn: async () => {
      if (hasPackage) return await run("python3");
      await withTempDir(async (dir) => {
        await mustRun(["python3", "-m", "venv", dir]);
        await mustRun([`${dir}/bin/pip`, "install", "--quiet", requirement]);
        await run(`${dir}/bin/python`);
      });
    },
  });
}

async function mustRun(command: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(command, { limitMinutes: 3 });
  equal(code, 0, output);
}
