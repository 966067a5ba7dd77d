import type { Bytes } from "../protocol/bytes.ts";

/**
 * The only access to the disk. Calls without a promise block: they are for short reads and writes, and for
 * those from the page cache. Every error is a {@link FileSystemError}.
 */
export interface FileSystem {
  /** Makes a directory and those above it; one that is there already is fine. */
  makeDirectory(path: string): void;
  /** As that, and nobody but the process's user may look into it. */
  makePrivateDirectory?(path: string): void;
  /** Names in a directory, in no order; `undefined` where there is no such directory. */
  list(path: string): string[] | undefined;
  /** Whether the process may make files in this directory. */
  isWritable(path: string): boolean;
  open(path: string, mode: OpenMode): File;
  rename(from: string, to: string): void;
  /** Removes a file; one that isn't there is fine. */
  remove(path: string): void;
  /** Gives a file a second name, where the file system can; the second one must not be there. */
  link?(from: string, to: string): void;
  /** Removes a folder with all that is in it, where it can; one that isn't there is fine. */
  removeTree?(path: string): void;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Makes everything on the directory's file system durable, or returns `false` where it can't. One that
   * fails with an error has begun, like a sync that fails: it is unknown how much it left undone.
   */
  barrier(path: string): Promise<boolean>;
  /** Keeps so many descriptors ready for calls that would otherwise fail for want of one. */
  reserve?(descriptors: number): Reserve;
}

/** Descriptors that are kept ready. */
export interface Reserve {
  /** Whether some of them are in use: files that can be closed should be. */
  readonly isLent: boolean;
  /** Keeps them no longer; calling it again does nothing. */
  end(): void;
}

/**
 * `read` and `write` need an existing file, `create` makes one and fails where it exists, and so does
 * `create_private`, whose file nobody but the process's user may read.
 */
export type OpenMode = "read" | "write" | "create" | "create_private";

/** An open file. Reads and writes are positional; nothing is ever appended. */
export interface File {
  readonly path: string;
  size(): number;
  /** How many names the file has, where the file system can give it several. */
  links?(): number;
  /** Fills `into` from `position`; returns how many bytes there were, fewer only at the file's end. */
  readSync(into: Bytes, position: number): number;
  /** As {@link readSync}, off the main thread: for what may be cold. */
  read(into: Bytes, position: number): Promise<number>;
  /** The bytes from `start` up to `end` for the runtime to send by itself, where it can (`fileBlob`). */
  readonly blob?: ((start: number, end: number) => Blob) | undefined;
  /**
   * Sends bytes to a socket, which it takes by its descriptor, where the system can (`sendFile`); returns
   * how many the socket took, 0 where it has no room and where the call failed.
   */
  readonly sendTo?:
    | ((socket: number, position: number, lengthBytes: number) => number)
    | undefined;
  /** Writes all of `bytes` at `position`, or throws. */
  writeSync(bytes: Bytes, position: number): void;
  /** As {@link writeSync}, off the main thread. */
  write(bytes: Bytes, position: number): Promise<void>;
  truncate(lengthBytes: number): void;
  /** Makes the file's bytes durable. */
  dataSync(): Promise<void>;
  /** As {@link dataSync}, blocking. */
  dataSyncBlocking(): void;
  close(): void;
}

/** Why a call failed: a kind for each reason that is handled. */
export type FileSystemErrorKind =
  | "no_space"
  | "not_found"
  | "exists"
  | "not_allowed"
  | "too_many_open_files"
  | "other";

/** A call to the file system that failed: which, on what, and why. */
export class FileSystemError extends Error {
  override readonly name = "FileSystemError";
  readonly kind: FileSystemErrorKind;
  readonly path: string;

  constructor(kind: FileSystemErrorKind, call: string, path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${call} ${path}: ${reason}`, { cause });
    this.kind = kind;
    this.path = path;
  }
}

/**
 * Something that the system lacks for now. A call that failed for want of it may be repeated later: a
 * write has changed nothing that isn't written again, an open nothing at all. A sync may never be.
 */
export type ShortageKind = Extract<FileSystemErrorKind, "no_space" | "too_many_open_files">;

/** A call that failed for want of something that may be there again later. */
export interface ShortageError extends FileSystemError {
  readonly kind: ShortageKind;
}

/** Whether a call failed for want of something that may be there again later. */
export function isShortage(error: unknown): error is ShortageError {
  return error instanceof FileSystemError &&
    (error.kind === "no_space" || error.kind === "too_many_open_files");
}

/** Whether a call failed because the disk is full. */
export function isNoSpace(error: unknown): error is FileSystemError {
  return error instanceof FileSystemError && error.kind === "no_space";
}
