import { execFile } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  write,
  writeSync,
} from "node:fs";
import process from "node:process";
import type { Bytes } from "../protocol/bytes.ts";
import { DescriptorReserve } from "./descriptor_reserve.ts";
import { fileBlob } from "./file_blob.ts";
import { sendFile } from "./send_file.ts";
import {
  type File,
  type FileSystem,
  FileSystemError,
  type FileSystemErrorKind,
  isShortage,
  type OpenMode,
} from "./file_system.ts";

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: CREATE,
  create_private: CREATE,
};
/** Who may do what with a file that is made. */
const EVERYBODY_READS = 0o644;
const OWNER_ONLY = 0o600;

const KINDS: Record<string, FileSystemErrorKind> = {
  ENOSPC: "no_space",
  EDQUOT: "no_space",
  ENOENT: "not_found",
  EEXIST: "exists",
  EACCES: "not_allowed",
  EPERM: "not_allowed",
  EROFS: "not_allowed",
  EMFILE: "too_many_open_files",
  ENFILE: "too_many_open_files",
};

type IoCallSync = (
  descriptor: number,
  bytes: Bytes,
  offset: number,
  length: number,
  position: number,
) => number;

type IoCall = (
  descriptor: number,
  bytes: Bytes,
  offset: number,
  length: number,
  position: number,
  done: (error: Error | null, count: number) => void,
) => void;

/** The calls that may do less than asked: each returns how many bytes it read or wrote, and the rest follows. */
export interface IoCalls {
  readSync: IoCallSync;
  read: IoCall;
  writeSync: IoCallSync;
  write: IoCall;
}

/** One for the process: so are its descriptors. */
const descriptorReserve = new DescriptorReserve();

const FOLDERS: Omit<FileSystem, "open"> = {
  makeDirectory(path) {
    attempt("make directory", path, () => mkdirSync(path, { recursive: true }));
  },

  makePrivateDirectory(path) {
    const options = { recursive: true, mode: OWNER_ONLY | constants.S_IXUSR };
    attempt("make directory", path, () => mkdirSync(path, options));
  },

  list(path) {
    try {
      return withDescriptor("list", path, () => readdirSync(path));
    } catch (error) {
      if (error instanceof FileSystemError && error.kind === "not_found") return undefined;
      throw error;
    }
  },

  isWritable(path) {
    try {
      accessSync(path, constants.W_OK | constants.X_OK);
      return true;
    } catch {
      return false;
    }
  },

  rename(from, to) {
    attempt("rename", from, () => renameSync(from, to));
  },

  remove(path) {
    try {
      attempt("remove", path, () => unlinkSync(path));
    } catch (error) {
      if (!(error instanceof FileSystemError && error.kind === "not_found")) throw error;
    }
  },

  link(from, to) {
    attempt("link", to, () => linkSync(from, to));
  },

  removeTree(path) {
    attempt("remove", path, () => rmSync(path, { recursive: true, force: true }));
  },

  async syncDirectory(path) {
    const directory = withDescriptor("open", path, () => openSync(path, constants.O_RDONLY));
    try {
      await promisify("sync directory", path, (done) => fsync(directory, done));
    } finally {
      closeDescriptor(directory);
    }
  },

  barrier(path) {
    // Elsewhere `sync` only starts the writing, and doesn't wait for its end.
    if (process.platform !== "linux") return Promise.resolve(false);
    return new Promise((resolve) => {
      execFile("sync", ["-f", path], (error) => resolve(error === null));
    });
  },

  reserve: (descriptors) => descriptorReserve.keep(descriptors),
};

/** The machine's own disk, through `node:fs`, which Deno, Bun and Node all serve. */
export const nodeFileSystem: FileSystem = nodeFileSystemWith({ readSync, read, writeSync, write });

/** The machine's own disk, which reads and writes by these calls. */
export function nodeFileSystemWith(calls: IoCalls): FileSystem {
  return {
    ...FOLDERS,
    open(path, mode) {
      const access = mode === "create_private" ? OWNER_ONLY : EVERYBODY_READS;
      const descriptor = withDescriptor("open", path, () => openSync(path, FLAGS[mode], access));
      return new NodeFile(path, descriptor, calls);
    },
  };
}

class NodeFile implements File {
  readonly path: string;
  readonly blob: File["blob"];
  readonly sendTo: File["sendTo"];
  readonly #descriptor: number;
  readonly #calls: IoCalls;

  constructor(path: string, descriptor: number, calls: IoCalls) {
    this.path = path;
    this.blob = fileBlob?.bind(undefined, path);
    this.sendTo = sendFile?.bind(undefined, descriptor);
    this.#descriptor = descriptor;
    this.#calls = calls;
  }

  size(): number {
    return attempt("stat", this.path, () => fstatSync(this.#descriptor).size);
  }

  links(): number {
    return attempt("stat", this.path, () => fstatSync(this.#descriptor).nlink);
  }

  readSync(into: Bytes, position: number): number {
    return attempt("read", this.path, () => {
      let done = 0;
      while (done < into.length) {
        const left = into.length - done;
        const count = this.#calls.readSync(this.#descriptor, into, done, left, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  async read(into: Bytes, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await promisifyCount("read", this.path, (settled) => {
        const left = into.length - done;
        this.#calls.read(this.#descriptor, into, done, left, position + done, settled);
      });
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  writeSync(bytes: Bytes, position: number): void {
    attempt("write", this.path, () => {
      let done = 0;
      while (done < bytes.length) {
        const left = bytes.length - done;
        done += this.#calls.writeSync(this.#descriptor, bytes, done, left, position + done);
      }
    });
  }

  async write(bytes: Bytes, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      done += await promisifyCount("write", this.path, (settled) => {
        const left = bytes.length - done;
        this.#calls.write(this.#descriptor, bytes, done, left, position + done, settled);
      });
    }
  }

  truncate(lengthBytes: number): void {
    attempt("truncate", this.path, () => ftruncateSync(this.#descriptor, lengthBytes));
  }

  dataSync(): Promise<void> {
    return promisify("sync", this.path, (done) => fdatasync(this.#descriptor, done));
  }

  dataSyncBlocking(): void {
    attempt("sync", this.path, () => fdatasyncSync(this.#descriptor));
  }

  close(): void {
    attempt("close", this.path, () => closeDescriptor(this.#descriptor));
  }
}

/** A call that takes a descriptor: one of the reserve's where there is no other. */
function withDescriptor<T>(call: string, path: string, run: () => T): T {
  while (true) {
    try {
      return attempt(call, path, run);
    } catch (error) {
      const isShort = isShortage(error) && error.kind === "too_many_open_files";
      if (!isShort || !descriptorReserve.lend()) throw error;
    }
  }
}

function closeDescriptor(descriptor: number): void {
  closeSync(descriptor);
  descriptorReserve.refill();
}

function attempt<T>(call: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw failure(call, path, error);
  }
}

function promisify(
  call: string,
  path: string,
  start: (done: (error: Error | null) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => error ? reject(failure(call, path, error)) : resolve());
  });
}

function promisifyCount(
  call: string,
  path: string,
  start: (done: (error: Error | null, count: number) => void) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    start((error, count) => error ? reject(failure(call, path, error)) : resolve(count));
  });
}

function failure(call: string, path: string, cause: unknown): FileSystemError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return new FileSystemError(KINDS[code] ?? "other", call, path, cause);
}
