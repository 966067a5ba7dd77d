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
  const { files, expected }: Packed = await readVersion(version);
  await unpackFiles(dir, files);
  return expected;
}

/** What else is in a directory of version 5. */
export interface Version5 {
  readonly expected: Record<string, OldStream>;
  /** What is left of a stream that was trimmed, `trimmed`. */
  readonly trimmed: { readonly earliest: number; readonly text: string };
  /** What is left of a stream that was compacted, `compacted`. */
  readonly compacted: { readonly text: string };
  /** The snapshot of `events`. */
  readonly snapshot: string;
}

/** The same of version 5; the stream `small` has a segment, which version 6 would keep in the catalogue. */
export async function unpackVersion5(dir: string): Promise<Version5> {
  const { files, ...rest }: Packed & Version5 = await readVersion(5);
  await unpackFiles(dir, files);
  return rest;
}

interface Packed {
  readonly files: Record<string, string>;
  readonly expected: Record<string, OldStream>;
}

async function readVersion(version: number) {
  const url = new URL(`./version_${version}.json.gz`, import.meta.url);
  return JSON.parse(await readPacked(url));
}
