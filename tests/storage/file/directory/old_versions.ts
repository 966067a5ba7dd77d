import { readPacked, unpackFiles } from "./packed_directory.ts";

/** What a program of an older version had been told of a stream. */
export interface OldStream {
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
export function unpackVersion3(dir: string): Promise<Record<string, OldStream>> {
  return unpack(dir, 3);
}

/** The same of version 4; the subscription is in the catalogue. */
export function unpackVersion4(dir: string): Promise<Record<string, OldStream>> {
  return unpack(dir, 4);
}

async function unpack(dir: string, version: 3 | 4): Promise<Record<string, OldStream>> {
  const text = await readPacked(new URL(`./version_${version}.json.gz`, import.meta.url));
  const { files, expected }: {
    files: Record<string, string>;
    expected: Record<string, OldStream>;
  } = JSON.parse(text);
  await unpackFiles(dir, files);
  return expected;
}
