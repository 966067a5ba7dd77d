import { spawnSync } from "node:child_process";
import process from "node:process";
import { REPO } from "./repo.ts";

/** A block of shell commands in a page, and what the page says that it prints. */
export interface ShellBlock {
  readonly script: string;
  /** The plain block that follows at once, where one does. */
  readonly output: string | undefined;
}

/** The page's blocks that begin with ```` ```sh ````. */
export function shellBlocks(markdown: string): readonly ShellBlock[] {
  const pattern = /```sh\n([^]*?)```(?:\n\n```\n([^]*?)```)?/g;
  return [...markdown.matchAll(pattern)].map(([, script = "", output]) => ({ script, output }));
}

/**
 * Runs a block with bash in the repository; what it wrote to stdout.
 *
 * @throws {Error} with all that it wrote, where it fails or takes longer than three minutes
 */
export function runBlock(script: string, env: Readonly<Record<string, string>> = {}): string {
  const { status, signal, stdout, stderr } = spawnSync("bash", ["-euc", script], {
    cwd: REPO,
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 180_000,
  });
  if (status === 0) return stdout;
  throw new Error(`It ended with ${signal ?? status}:\n${script}\n${stdout}${stderr}`);
}
