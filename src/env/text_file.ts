import { readFileSync, statSync } from "node:fs";

/** Reads a short text. */
export function readTextFile(path: string): string {
  return readFileSync(path, "utf8");
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
