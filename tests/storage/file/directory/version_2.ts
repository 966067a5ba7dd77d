import { readPacked, unpackFiles } from "./packed_directory.ts";

const FILES = new URL("./version_2.json.gz", import.meta.url);

/**
 * Unpacks a directory as a program of format version 2 left it, killed: a row in the catalogue and
 * records of three streams in the log. The archive is JSON, each file in base64 by its path.
 */
export async function unpackVersion2(dir: string): Promise<void> {
  await unpackFiles(dir, JSON.parse(await readPacked(FILES)));
}
