import { chownSync, statSync } from "node:fs";
import process from "node:process";

/** Gives a file that root has made to whom its folder belongs; whoever else made it keeps it. */
export function giveToOwnerOf(folder: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  try {
    const { uid, gid } = statSync(folder);
    chownSync(path, uid, gid);
  } catch {
    // A file system without owners, or a root that may not.
  }
}
