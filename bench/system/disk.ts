const BLOCK_BYTES = 512;

/** The file in which the system counts what the disk under a directory does; undefined on tmpfs. */
export function diskStatPath(directory: string): string | undefined {
  const { dev } = Deno.statSync(directory);
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  const path = `/sys/dev/block/${major}:${minor}/stat`;
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the files of a directory occupy on the disk, in bytes.
 *
 * @param folder only what lies in folders of this name
 * @returns undefined where there is no such directory or folder
 */
export function directoryBytes(
  directory: string | undefined,
  folder?: string,
): number | undefined {
  if (directory === undefined) return undefined;
  try {
    return sum(folder === undefined ? directory : `${directory}/${folder}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function sum(directory: string): number {
  let bytes = 0;
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) bytes += sum(path);
    else bytes += (Deno.lstatSync(path).blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}
