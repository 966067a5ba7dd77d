import { chmodSync, lstatSync, unlinkSync } from "node:fs";

/** A file in the place of a socket. */
export interface SocketFile {
  readonly isSocket: boolean;
  /** Tells it from another that comes to the same place. */
  readonly inode: number;
}

/** What is at a path, whose last part isn't followed where it is a link; `undefined` where nothing is. */
export function socketFileAt(path: string): SocketFile | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : { isSocket: stat.isSocket(), inode: stat.ino };
}

/** Removes the file at a path if it is still this one. */
export function removeSocketFile(path: string, file: SocketFile | undefined): void {
  if (file !== undefined && socketFileAt(path)?.inode === file.inode) unlinkSync(path);
}

/** Gives a file rights such as 0o660. */
export function setFileMode(path: string, mode: number): void {
  chmodSync(path, mode);
}
