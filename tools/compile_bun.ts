/**
 * Makes one executable of the program with `bun build --compile`, which needs no download. Uses the
 * bun on the path, or the one that the tests install.
 *
 * Usage: deno run -A tools/compile_bun.ts [OUTFILE]
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const installed = fileURLToPath(new URL("../tests/node_modules/.bin/bun", import.meta.url));
const outfile = process.argv[2] ?? "durable-streams";

// The workers are programs of their own: bundled only if they are named beside the main one.
const workers = ["src/storage/file/catalog_worker.ts", "src/cli/http_worker.ts"];
const args = ["build", "--compile", "main.ts", ...workers];

const bun = [installed, "bun"].find((candidate) => candidate === "bun" || existsSync(candidate));
const { status, error } = spawnSync(bun ?? "bun", [...args, "--outfile", outfile], {
  cwd: root,
  stdio: "inherit",
});
if (error !== undefined) {
  console.error(`cannot run bun: ${error.message}. Install it, or run "npm install" in tests/.`);
}
process.exit(status ?? 1);
