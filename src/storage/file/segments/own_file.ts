import type { File, FileSystem } from "../../../env/file_system.ts";

const COPIED_BYTES = 1024 * 1024;

/** Whether what is written to a file is seen under another name, too: that of a backup which links it. */
export function hasOtherNames(file: File): boolean {
  return (file.links?.() ?? 1) > 1;
}

/**
 * Sees to it that a file which is about to be written to has no other name: where it has one, a copy
 * takes its place, durable before it does. Who has the old one open has to let go of it.
 *
 * @param path an existing file
 * @throws {FileSystemError}
 */
export function giveOwnFile(fileSystem: FileSystem, path: string): void {
  const file = fileSystem.open(path, "read");
  try {
    if (!hasOtherNames(file)) return;
    // What a try before this one left, that ended halfway.
    fileSystem.remove(`${path}.copy`);
    const copy = fileSystem.open(`${path}.copy`, "create");
    try {
      const buffer = new Uint8Array(COPIED_BYTES);
      for (let position = 0, count = 1; count > 0; position += count) {
        count = file.readSync(buffer, position);
        copy.writeSync(buffer.subarray(0, count), position);
      }
      copy.dataSyncBlocking();
    } finally {
      copy.close();
    }
    fileSystem.rename(`${path}.copy`, path);
  } finally {
    file.close();
  }
}
