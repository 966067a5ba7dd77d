/**
 * Makes one executable of the program with `bun build --compile`. The bun is the one that runs this, or
 * the tests', or the one on the path; where there is none, npm fetches one.
 *
 * Usage: deno run -A tools/compile_bun.ts [OUTFILE], or the same with bun
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import tools from "../tests/package.json" with { type: "json" };

const root = fileURLToPath(new URL("..", import.meta.url));
const installed = fileURLToPath(new URL("../tests/node_modules/.bin/bun", import.meta.url));
/** The second is only there where those that are optional are, too: an executable can't load them later. */
const packages = ["hono", "@opentelemetry/sdk-trace"].map((name) =>
  fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url))
);

// The workers are programs of their own: bundled only if they are named beside the main one.
const workers = ["src/storage/file/catalog/worker.ts", "src/cli/serve/http_worker.ts"];

/**
 * Compiles the program into `outfile`.
 *
 * @param target another platform than this one, as Bun names it: `bun-linux-arm64`
 * @throws {Error} where Bun can't be had or doesn't do it
 */
export function compile(outfile: string, target?: string): void {
  const bun = findBun();
  if (!packages.every((path) => existsSync(path))) {
    run([...bun, "install", "--frozen-lockfile", "--ignore-scripts"]);
  }
  const targets = target === undefined ? [] : [`--target=${target}`];
  run([...bun, "build", "--compile", ...targets, "main.ts", ...workers, "--outfile", outfile]);
}

function findBun(): readonly string[] {
  if (process.versions.bun !== undefined) return [process.execPath];
  for (const bun of [installed, "bun"]) {
    if (spawnSync(bun, ["--version"]).status === 0) return [bun];
  }
  return ["npx", "-y", `bun@${tools.devDependencies.bun}`];
}

function run([command = "", ...args]: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error !== undefined) throw new Error(`cannot run ${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
}

if (import.meta.main) {
  try {
    compile(process.argv[2] ?? "durable-streams");
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}
