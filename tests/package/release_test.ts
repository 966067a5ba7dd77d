import { deepEqual, equal, match } from "node:assert/strict";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { version } from "../../src/cli/context/version.ts";
import { makeRelease } from "../../tools/release.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { installTestTools } from "../tools/install.ts";

/** How an executable of each platform begins. Only two are made here: each is 100 MB. */
const MAGIC = { "linux-x64-baseline": "7f454c46", "darwin-arm64": "cffaedfe" };

Deno.test("a release has an executable for each platform, and their checksums", async () => {
  await installTestTools();
  await withTempDir(async (dir) => {
    const names = makeRelease(dir, Object.keys(MAGIC));
    deepEqual(readdirSync(dir).sort(), ["SHA256SUMS", ...names].sort());
    for (const [platform, magic] of Object.entries(MAGIC)) {
      equal(firstBytes(`${dir}/durable-streams-${version}-${platform}`, 4), magic, platform);
    }
    const inDir = { cwd: dir, limitMinutes: 1 };
    const sums = await runCommand(["sha256sum", "--strict", "-c", "SHA256SUMS"], inDir);
    equal(sums.code, 0, sums.output);
    equal(sums.output.match(/: OK$/gm)?.length, names.length);
    const { output } = await runCommand([`${dir}/${names[0]}`, "--version"], inDir);
    match(output, new RegExp(`^${version}$`, "m"));
  });
});

function firstBytes(path: string, count: number): string {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(count);
    readSync(file, bytes, 0, count, 0);
    return bytes.toHex();
  } finally {
    closeSync(file);
  }
}
