import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { runCommand } from "./command.ts";
import { inRepo } from "./repo.ts";

/** The Bun that the tests brought with them: it runs vitest, and the program where Bun is tried. */
export const BUN = inRepo("tests", "node_modules", ".bin", "bun");

/** vitest's program, for `BUN` to run. */
export const VITEST = inRepo("tests", "node_modules", "vitest", "vitest.mjs");

const FOLDERS = [inRepo(), inRepo("tests")];
const STAMP = ".installed-from";

/**
 * Installs what the tests need and a first start doesn't: `tests/package.json`. Quick where the
 * last installation was of the same files.
 *
 * The program's own packages come first, because Bun, unlike Deno, installs nothing as it starts.
 */
export async function installTestTools(): Promise<void> {
  for (const folder of FOLDERS) await installFolder(folder);
}

async function installFolder(folder: string): Promise<void> {
  const wanted = await fingerprint(folder);
  const stamp = `${folder}/node_modules/${STAMP}`;
  if (await readIfThere(stamp) === wanted) return;
  const result = await runCommand([Deno.execPath(), "install", "--frozen"], {
    cwd: folder,
    limitMinutes: 10,
  });
  if (result.code !== 0) {
    throw new Error(`Cannot install the packages:\n${result.output}`);
  }
  await writeFile(stamp, wanted);
}

async function fingerprint(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["package.json", "deno.json", "deno.lock"]) {
    hash.update(await readFile(`${folder}/${name}`));
  }
  return hash.digest("hex");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

if (import.meta.main) await installTestTools();
