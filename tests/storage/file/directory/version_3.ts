import { readPacked, unpackFiles } from "./packed_directory.ts";

const FILES = new URL("./version_3.json.gz", import.meta.url);

/** What the program of version 3 had been told of a stream. */
export interface Version3Stream {
  /** All of it, as it is stored. */
  readonly text: string;
  /** Its tail when it was made and after each append. */
  readonly offsets: readonly number[];
}

/**
 * Unpacks a directory as a program of format version 3 left it, killed: streams of JSON and of text with
 * several segments each, forks, and in the log alone later appends, streams, forks and a subscription.
 *
 * @returns what is in it, by the streams' names
 */
export async function unpackVersion3(dir: string): Promise<Record<string, Version3Stream>> {
  const text = await readPacked(FILES);
  const { files, expected }: {
    files: Record<string, string>;
    expected: Record<string, Version3Stream>;
  } = JSON.parse(text);
  await unpackFiles(dir, files);
  return expected;
}
