/**
 * What npm runs where it installs a checkout, a folder or a git URL, which have no `dist/`: builds one.
 * Bun and Deno take the sources, and an installed package comes built.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { npm_config_user_agent: agent = "", npm_execpath: installer = "" } = process.env;
// npm started by `deno task` goes by Deno's name, but not by its path.
const takesSources = /^(?:bun|deno)\//.test(agent) && !installer.endsWith("npm-cli.js");

if (!takesSources && !existsSync(new URL("../dist/mod.js", import.meta.url))) {
  const { status, error } = spawnSync("npx", ["-y", "deno@2.9.6", "task", "build"], {
    cwd: root,
    stdio: "inherit",
    // Where npx is a script of the shell's.
    shell: process.platform === "win32",
  });
  if (error !== undefined) console.error(`cannot run npx: ${error.message}`);
  process.exit(status ?? 1);
}
