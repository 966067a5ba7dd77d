import {
  type File,
  type FileSystem,
  FileSystemError,
  type FileSystemErrorKind,
  type OpenMode,
} from "../../../src/env/file_system.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { type Call, type Fault, Faults } from "./faults.ts";
import { SimulatedProcess } from "./simulated_process.ts";
import type { Random } from "../random.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import type { FileSync } from "./simulated_file.ts";
import { SimulatedFile } from "./simulated_file.ts";
import { SimulatedFolder } from "./simulated_names.ts";

/** What a faulty file system is made of. */
export interface FaultyFileSystemOptions {
  random: Random;
  disk?: SimulatedDisk;
  life?: SimulatedProcess;
  faults?: Faults;
  /** Whether the system can make a whole file system durable at once. */
  hasBarrier?: boolean;
}

/** A sync under way, and how it may end. */
interface BegunSync {
  finish: () => void;
  fail: () => void;
}

/**
 * A file system in memory that behaves as badly as POSIX allows, as one process sees it. What was not
 * synced may be lost in a crash, sector by sector and name by name; a sync that failed may have dropped
 * what it was to write; calls fail where a fault was set; and the process may die in any of them.
 */
export class FaultyFileSystem implements FileSystem {
  readonly disk: SimulatedDisk;
  readonly process: SimulatedProcess;
  readonly faults: Faults;
  readonly #random: Random;
  readonly #hasBarrier: boolean;
  #openFiles = 0;

  constructor(options: FaultyFileSystemOptions) {
    this.#random = options.random;
    this.disk = options.disk ?? new SimulatedDisk();
    this.process = options.life ?? new SimulatedProcess(options.random.split());
    this.faults = options.faults ?? new Faults();
    this.#hasBarrier = options.hasBarrier ?? true;
  }

  /** How many files the process has open. */
  get openFiles(): number {
    return this.#openFiles;
  }

  /** Ends the process with a power failure; a new one sees what is left. */
  crash(random = this.#random): FaultyFileSystem {
    this.process.exit();
    return this.#next(this.disk.afterCrash(random), random);
  }

  /** Ends the process alone; a new one sees all that it wrote, though little of it may be durable. */
  kill(random = this.#random): FaultyFileSystem {
    this.process.exit();
    return this.#next(this.disk.afterKill(random), random);
  }

  makeDirectory(path: string): void {
    const parts = path.split("/").filter((part) => part !== "");
    parts.forEach((_, i) => {
      const folder = `/${parts.slice(0, i + 1).join("/")}`;
      if (this.disk.find(folder) instanceof SimulatedFolder) return;
      this.call("make directory", folder, () => {
        const place = this.#place("make directory", folder);
        this.disk.changes.make([{ ...place, node: new SimulatedFolder() }]);
      });
    });
  }

  list(path: string): string[] | undefined {
    this.#checkAlive("list", path);
    const folder = this.disk.find(path);
    return folder instanceof SimulatedFolder ? [...folder.seen.keys()] : undefined;
  }

  isWritable(path: string): boolean {
    this.#checkAlive("access", path);
    return this.disk.find(path) instanceof SimulatedFolder;
  }

  open(path: string, mode: OpenMode): File {
    return this.call("open", path, () => {
      const found = this.disk.find(path);
      if (mode === "create" || mode === "create_private") {
        if (found !== undefined) throw failure("exists", "open", path);
        const node = new SimulatedFile();
        this.disk.changes.make([{ ...this.#place("open", path), node }]);
        return this.#handle(path, node, mode);
      }
      if (!(found instanceof SimulatedFile)) throw failure("not_found", "open", path);
      return this.#handle(path, found, mode);
    });
  }

  rename(from: string, to: string): void {
    this.call("rename", from, () => {
      const node = this.disk.find(from);
      if (node === undefined) throw failure("not_found", "rename", from);
      this.disk.changes.make([
        { ...this.#place("rename", from), node: undefined },
        { ...this.#place("rename", to), node },
      ]);
    });
  }

  link(from: string, to: string): void {
    this.call("link", to, () => {
      const node = this.disk.find(from);
      if (!(node instanceof SimulatedFile)) throw failure("not_found", "link", from);
      if (this.disk.find(to) !== undefined) throw failure("exists", "link", to);
      this.disk.changes.make([{ ...this.#place("link", to), node }]);
    });
  }

  remove(path: string): void {
    this.call("remove", path, () => {
      const node = this.disk.find(path);
      if (node === undefined) return;
      if (node instanceof SimulatedFolder) throw failure("other", "remove", path);
      this.disk.changes.make([{ ...this.#place("remove", path), node: undefined }]);
    });
  }

  syncDirectory(path: string): Promise<void> {
    const folder = this.disk.find(path);
    if (!(folder instanceof SimulatedFolder)) {
      return Promise.reject(failure("not_found", "sync directory", path));
    }
    return this.sync("sync directory", path, () => {
      const covered = this.disk.changes.beginSync(folder);
      return { finish: () => this.disk.changes.finishSync(covered), fail: () => {} };
    });
  }

  async barrier(path: string): Promise<boolean> {
    if (!this.#hasBarrier) return false;
    await this.sync("barrier", path, () => {
      const names = this.disk.changes.beginSync();
      const files: [SimulatedFile, FileSync][] = [];
      for (const file of this.disk.files()) {
        if (file.isDirty) files.push([file, file.beginSync()]);
      }
      return {
        finish: () => {
          this.disk.changes.finishSync(names);
          for (const [file, sync] of files) file.finishSync(sync);
        },
        fail: () => files.forEach(([file, sync]) => file.failSync(sync, this.#random)),
      };
    });
    return true;
  }

  /** Runs a call that blocks: it may fail, and the process may die in it, before or after. */
  call<T>(call: Call, path: string, run: () => T): T {
    this.#checkAlive(call, path);
    const fault = this.faults.meet(call, path);
    if (fault !== undefined) throw injected(fault, path);
    const isDying = this.process.step();
    if (isDying && this.#random.chance(0.5)) throw dead(call, path);
    const result = run();
    if (isDying) throw dead(call, path);
    return result;
  }

  /** Writes, or leaves a part where it fails. */
  write(file: SimulatedFile, path: string, bytes: Bytes, position: number): void {
    this.#checkAlive("write", path);
    const fault = this.faults.meet("write", path);
    const isDying = this.process.step();
    if (fault === undefined && !isDying) return file.write(bytes, position);
    file.write(bytes.subarray(0, this.#random.below(bytes.length + 1)), position);
    throw fault === undefined ? dead("write", path) : injected(fault, path);
  }

  /** Runs a sync: what it covers is settled as it begins, and on the disk when it ends. */
  async sync(
    call: Call,
    path: string,
    begin: () => BegunSync,
  ): Promise<void> {
    if (this.process.hasExited) return await this.process.never();
    const fault = this.faults.meet(call, path);
    const { finish, fail } = begin();
    if (this.process.step()) return await this.process.never();
    await this.process.pause();
    if (fault !== undefined) {
      fail();
      throw injected(fault, path);
    }
    finish();
    if (this.process.step()) return await this.process.never();
    await this.process.pause();
  }

  /** As {@link sync}, blocking. */
  syncHere(call: Call, path: string, begin: () => BegunSync): void {
    this.#checkAlive(call, path);
    const fault = this.faults.meet(call, path);
    const { finish, fail } = begin();
    if (this.process.step()) throw dead(call, path);
    if (fault !== undefined) {
      fail();
      throw injected(fault, path);
    }
    finish();
    if (this.process.step()) throw dead(call, path);
  }

  /** Lets time pass as the system works. */
  pass(): Promise<void> {
    return this.process.pause();
  }

  /** A sync of a file that fails leaves this much to chance. */
  failSync(file: SimulatedFile, sync: FileSync): void {
    file.failSync(sync, this.#random);
  }

  #handle(path: string, file: SimulatedFile, mode: OpenMode): File {
    this.#openFiles++;
    return new FaultyFile(this, path, file, mode !== "read", () => this.#openFiles--);
  }

  #next(disk: SimulatedDisk, random: Random): FaultyFileSystem {
    return new FaultyFileSystem({ random, disk, hasBarrier: this.#hasBarrier });
  }

  #checkAlive(call: string, path: string): void {
    if (this.process.hasExited) throw dead(call, path);
  }

  #place(call: string, path: string): { folder: SimulatedFolder; name: string } {
    const place = this.disk.place(path);
    if (place === undefined) throw failure("not_found", call, path);
    return place;
  }
}

class FaultyFile implements File {
  readonly path: string;
  readonly #system: FaultyFileSystem;
  readonly #file: SimulatedFile;
  readonly #isWritable: boolean;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(
    system: FaultyFileSystem,
    path: string,
    file: SimulatedFile,
    isWritable: boolean,
    onClose: () => void,
  ) {
    this.#system = system;
    this.path = path;
    this.#file = file;
    this.#isWritable = isWritable;
    this.#onClose = onClose;
  }

  size(): number {
    this.#checkOpen("stat");
    return this.#file.sizeBytes;
  }

  readSync(into: Bytes, position: number): number {
    this.#checkOpen("read");
    return this.#system.call("read", this.path, () => this.#file.read(into, position));
  }

  async read(into: Bytes, position: number): Promise<number> {
    await this.#system.pass();
    return this.readSync(into, position);
  }

  writeSync(bytes: Bytes, position: number): void {
    this.#checkWritable("write");
    this.#system.write(this.#file, this.path, bytes, position);
  }

  async write(bytes: Bytes, position: number): Promise<void> {
    const half = bytes.length >>> 1;
    this.writeSync(bytes.subarray(0, half), position);
    await this.#system.pass();
    this.writeSync(bytes.subarray(half), position + half);
  }

  truncate(lengthBytes: number): void {
    this.#checkWritable("truncate");
    this.#system.call("truncate", this.path, () => this.#file.truncate(lengthBytes));
  }

  async dataSync(): Promise<void> {
    this.#checkOpen("sync");
    await this.#system.sync("sync", this.path, () => this.#beginSync());
  }

  dataSyncBlocking(): void {
    this.#checkOpen("sync");
    this.#system.syncHere("sync", this.path, () => this.#beginSync());
  }

  close(): void {
    this.#checkOpen("close");
    this.#isClosed = true;
    this.#onClose();
  }

  #beginSync(): BegunSync {
    const sync = this.#file.beginSync();
    return {
      finish: () => this.#file.finishSync(sync),
      fail: () => this.#system.failSync(this.#file, sync),
    };
  }

  #checkOpen(call: string): void {
    if (this.#isClosed) throw failure("other", call, this.path, "the file is closed");
  }

  #checkWritable(call: string): void {
    this.#checkOpen(call);
    if (!this.#isWritable) throw failure("other", call, this.path, "the file is open for reading");
  }
}

function injected({ kind, call }: Fault, path: string): FileSystemError {
  return failure(kind, call, path, `an injected fault, ${kind}`);
}

function dead(call: string, path: string): FileSystemError {
  return failure("other", call, path, "the process was killed");
}

function failure(
  kind: FileSystemErrorKind,
  call: string,
  path: string,
  message: string = kind,
): FileSystemError {
  return new FileSystemError(kind, call, path, new Error(message));
}
