import { dirname, join } from "node:path";

/** The text of an archive: JSON, packed. */
export async function readPacked(url: URL): Promise<string> {
  const packed = new Blob([await Deno.readFile(url)]).stream();
  return await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
}

/** Writes a directory's files, each in base64 by its path. */
export async function unpackFiles(dir: string, files: Record<string, string>): Promise<void> {
  for (const folder of ["wal", "segments"]) {
    await Deno.mkdir(join(dir, folder), { recursive: true });
  }
  for (const [path, base64] of Object.entries(files)) {
    await Deno.mkdir(join(dir, dirname(path)), { recursive: true });
    await Deno.writeFile(join(dir, path), Uint8Array.fromBase64(base64));
  }
}
