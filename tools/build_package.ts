/**
 * Builds what the package exports to runtimes that don't strip types under node_modules: JavaScript and
 * declarations in `dist/`, a file for a file.
 *
 * Usage: deno task build
 */
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { BUN, installTestTools } from "../tests/tools/install.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

await installTestTools();
rmSync(dist, { recursive: true, force: true });
const compiler = join(root, "tests/node_modules/typescript/bin/tsc");
const { status } = spawnSync(BUN, [compiler, "-p", join(root, "tools/tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

// The compiler turns `./x.ts` into `./x.js` in what runs, but not in declarations.
for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".d.ts")) continue;
  const path = join(dist, name);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
}

// As npm makes it when it installs the package; a checkout that is linked is run as it is.
chmodSync(join(dist, "cli/bin.js"), 0o755);
