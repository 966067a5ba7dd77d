/**
 * Makes an executable for each platform that Bun's compiler makes them for, and SHA256SUMS beside them.
 * Bun fetches the runtime of each other platform from npm, and keeps it.
 *
 * Usage: deno task release [--dir DIR] [PLATFORM…]
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { version } from "../src/cli/context/version.ts";
import { compile } from "./compile_bun.ts";

/** The platforms, as Bun names them after `bun-`. Those of `baseline` do without AVX2. */
export const PLATFORMS: readonly string[] = [
  "linux-x64",
  "linux-x64-baseline",
  "linux-x64-musl",
  "linux-arm64",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "windows-x64",
];

/** Makes the executables of these platforms in a directory; their names there. */
export function makeRelease(dir: string, platforms: readonly string[]): readonly string[] {
  mkdirSync(dir, { recursive: true });
  const names = platforms.map((platform) => {
    const name = `durable-streams-${version}-${platform}${
      platform.startsWith("windows") ? ".exe" : ""
    }`;
    // Made under another name: what has its own is whole.
    const making = join(dir, `making-${name}`);
    compile(making, `bun-${platform}`);
    if (!existsSync(making)) throw new Error(`bun made no ${making}`);
    renameSync(making, join(dir, name));
    return name;
  });
  const sums = names.map((name) => {
    const sum = createHash("sha256").update(readFileSync(join(dir, name))).digest("hex");
    return `${sum}  ${name}\n`;
  });
  writeFileSync(join(dir, "SHA256SUMS"), sums.join(""));
  return names;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { dir: { type: "string", default: "release" } },
    allowPositionals: true,
  });
  const unknown = positionals.find((platform) => !PLATFORMS.includes(platform));
  if (unknown !== undefined) {
    console.error(`unknown platform ${unknown}; accepted: ${PLATFORMS.join(", ")}`);
    process.exit(2);
  }
  const names = makeRelease(values.dir, positionals.length === 0 ? PLATFORMS : positionals);
  console.log(`${values.dir}: ${names.join(", ")}, SHA256SUMS`);
}
