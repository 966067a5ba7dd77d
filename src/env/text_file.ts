import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";

/**
 * The text of a file.
 *
 * @param limitBytes a longer file is not read
 * @throws {RangeError} where it can't be read, is no file, or is longer; the message doesn't name the path
 */
export function readTextFile(path: string, limitBytes: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    throw new RangeError(reasonOf(error));
  }
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw new RangeError("it is a directory");
    if (stat.size > limitBytes) {
      throw new RangeError(`it has ${stat.size} bytes, and may have ${limitBytes}`);
    }
    return readFileSync(descriptor, "utf8");
  } catch (error) {
    throw error instanceof RangeError ? error : new RangeError(reasonOf(error));
  } finally {
    closeSync(descriptor);
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "this user may not read it";
  return error instanceof Error ? error.message : String(error);
}

/** A text that changes with the file at a path, also where a link there leads to another. */
export function fileState(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return "missing";
  }
}
