import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/**
 * Lets `run` have a directory of its own, and removes it afterwards: also where a signal ends the program.
 *
 * @param name how the directory's begins
 */
export async function withTempDir(
  parent: string,
  name: string,
  run: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(parent, `${name}-`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      rmSync(dir, { recursive: true, force: true });
      process.exit(130);
    });
  }
  try {
    await run(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
