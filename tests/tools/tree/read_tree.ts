import { readdir, readFile, stat } from "node:fs/promises";
import type { Sources } from "./imports.ts";
import { runCommand } from "../command.ts";
import { inRepo } from "../repo.ts";

const LEFT_OUT = ["node_modules", ".git", "dist", "data"];

/** The TypeScript files of the program itself. */
export async function readProgram(): Promise<Sources> {
  const paths = (await walk("src")).filter((path) => /\.tsx?$/.test(path));
  return await readAll([...paths, "main.ts"]);
}

/** Every text file that is, or is about to be, in the repository. */
export async function readRepository(): Promise<Sources> {
  const git = await runCommand(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { limitMinutes: 1 },
  ).catch(() => ({ code: 1, output: "" }));
  // An unpacked archive has no git around it.
  const paths = git.code === 0 ? git.output.split("\0") : await walk(".");
  return await readAll(paths);
}

async function walk(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(inRepo(folder), { withFileTypes: true })) {
    if (LEFT_OUT.includes(entry.name)) continue;
    const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...await walk(path));
    else found.push(path);
  }
  return found;
}

async function readAll(paths: readonly string[]): Promise<Sources> {
  const sources = new Map<string, string>();
  for (const path of [...new Set(paths)].sort()) {
    const about = path === "" ? undefined : await stat(inRepo(path)).catch(() => undefined);
    if (about?.isFile()) sources.set(path, await readFile(inRepo(path), "utf8"));
  }
  return sources;
}
