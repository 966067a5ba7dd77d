import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand } from "../tools/command.ts";
import { inRepo } from "../tools/repo.ts";

/** Copies what git would: the files of the project, and nothing that was installed or built. */
export async function cloneTo(folder: string): Promise<void> {
  const flags = ["--cached", "--others", "--exclude-standard"];
  const { code, output } = await runCommand(["git", "ls-files", ...flags], { limitMinutes: 1 });
  if (code !== 0) throw new Error(`git doesn't say which files there are:\n${output}`);
  for (const path of output.trimEnd().split("\n")) {
    Deno.mkdirSync(join(folder, dirname(path)), { recursive: true });
    cpSync(inRepo(path), join(folder, path));
  }
}
