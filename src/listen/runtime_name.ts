import process from "node:process";

const NAMES = [["bun", "Bun"], ["deno", "Deno"]] as const;

/** The runtime that this program runs on, with its version, as in `Deno 2.9.6`. */
export function runtimeName(): string {
  for (const [key, name] of NAMES) {
    const version = process.versions[key];
    if (version !== undefined) return `${name} ${version}`;
  }
  return `Node ${process.versions.node}`;
}
