import { dirname, join } from "node:path";

const FILES = new URL("./version_2.json.gz", import.meta.url);

/**
 * Unpacks a directory as a program of format version 2 left it, killed: a row in the catalogue and
 * records of three streams in the log. The archive is JSON, each file in base64 by its path.
 */
export async function unpackVersion2(dir: string): Promise<void> {
  const packed = new Blob([await Deno.readFile(FILES)]).stream();
  const text = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
  const files: Record<string, string> = JSON.parse(text);
  for (const folder of ["wal", "segments"]) {
    await Deno.mkdir(join(dir, folder), { recursive: true });
  }
  for (const [path, base64] of Object.entries(files)) {
    await Deno.mkdir(join(dir, dirname(path)), { recursive: true });
    await Deno.writeFile(join(dir, path), Uint8Array.fromBase64(base64));
  }
}
