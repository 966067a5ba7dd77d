/**
 * Bundles the client for browsers and prints what it weighs; exits 1 where it is over its limit.
 *
 * Usage: deno task client:size [OUTFILE]
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { BUN, installTestTools } from "../tests/tools/install.ts";

/** What the whole client may weigh, minified and gzipped; docs/CLIENT.md has what each part does. */
export const CLIENT_LIMIT_BYTES = 28 * 1024;

/** The client in one file, as a browser loads it. */
export async function bundleClient(): Promise<Uint8Array<ArrayBuffer>> {
  await installTestTools();
  const entry = fileURLToPath(new URL("../src/client/mod.ts", import.meta.url));
  const args = ["build", "--minify", "--target", "browser", "--format", "esm", entry];
  const { status, stdout, stderr } = spawnSync(BUN, args);
  if (status !== 0) throw new Error(`bun can't bundle the client:\n${stderr}`);
  return new Uint8Array(stdout);
}

if (import.meta.main) {
  const bundle = await bundleClient();
  const gzippedBytes = gzipSync(bundle, { level: 9 }).length;
  const [outfile] = process.argv.slice(2);
  if (outfile !== undefined) writeFileSync(outfile, bundle);
  console.log(
    `client: ${bundle.length} bytes minified, ${gzippedBytes} gzipped ` +
      `(at most ${CLIENT_LIMIT_BYTES})`,
  );
  if (gzippedBytes > CLIENT_LIMIT_BYTES) process.exit(1);
}
