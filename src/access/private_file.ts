import { dirname } from "node:path";
import { type FileSystem, FileSystemError } from "../env/file_system.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { AccessError } from "./access_error.ts";

/**
 * Makes or replaces a file that only its user may read: whole and durable, or not at all. While one call
 * is at it others are refused, so that none undoes what another did.
 *
 * @param next the new bytes, read and made while nobody else may write; `undefined` leaves the file alone
 * @throws {AccessError} where it can't be written, or somebody else is at it
 */
export async function updatePrivateFile(
  fileSystem: FileSystem,
  path: string,
  next: () => Bytes | undefined,
): Promise<void> {
  const newPath = `${path}.new`;
  try {
    const file = fileSystem.open(newPath, "create_private");
    let isWritten = false;
    try {
      try {
        const bytes = next();
        if (bytes === undefined) return;
        file.writeSync(bytes, 0);
        await file.dataSync();
      } finally {
        file.close();
      }
      fileSystem.rename(newPath, path);
      isWritten = true;
    } finally {
      if (!isWritten) fileSystem.remove(newPath);
    }
    await fileSystem.syncDirectory(dirname(path));
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    throw new AccessError(
      error.kind === "exists"
        ? `${newPath} is there: another command is changing ${path}. If none is, remove ${newPath}.`
        : `${path} can't be written: ${error.message}.`,
    );
  }
}
