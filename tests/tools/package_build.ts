import process from "node:process";
import { runCommand } from "./command.ts";
import { nodePath } from "./node.ts";
import { inRepo } from "./repo.ts";

/** Set by who has built the package already for all that it starts. */
export const IS_BUILT = "PACKAGE_IS_BUILT";

let building: Promise<void> | undefined;

/** Builds what the package exports, once for all the tests of a run. */
export function buildPackage(): Promise<void> {
  return building ??= process.env[IS_BUILT] === undefined ? build() : Promise.resolve();
}

/** The program on the oldest Node that it is for, as the package has it. */
export async function nodeProgram(): Promise<readonly string[]> {
  await buildPackage();
  return [await nodePath("22.23.3"), inRepo("dist", "cli", "bin.js")];
}

async function build(): Promise<void> {
  const command = [Deno.execPath(), "task", "build"];
  const { code, output } = await runCommand(command, { limitMinutes: 5 });
  if (code !== 0) throw new Error(`Cannot build the package:\n${output}`);
}
