import {
  type File,
  type FileSystem,
  FileSystemError,
  type OpenMode,
} from "../../src/env/file_system.ts";
import { nodeFileSystem } from "../../src/env/node_file_system.ts";

/** A call on its way to the disk. */
export interface DiskCall {
  call: "open" | "create" | "read" | "write" | "sync" | "close" | "rename" | "remove" | "barrier";
  path: string;
}

/** The machine's disk; a test sees each call before it is made, and may throw there or let it wait. */
export class HookedFileSystem implements FileSystem {
  /** Calls that block can't wait: for them the hook returns nothing, or throws. */
  before: (call: DiskCall) => void | Promise<void> = () => {};
  /** Whether files can be sent, too, as blobs and to a socket, as on Bun. The sockets here take nothing. */
  sendsFiles = false;
  openFiles = 0;
  mostOpenFiles = 0;

  makeDirectory(path: string): void {
    nodeFileSystem.makeDirectory(path);
  }

  list(path: string): string[] | undefined {
    return nodeFileSystem.list(path);
  }

  isWritable(path: string): boolean {
    return nodeFileSystem.isWritable(path);
  }

  open(path: string, mode: OpenMode): File {
    this.before({ call: mode.startsWith("create") ? "create" : "open", path });
    const file = nodeFileSystem.open(path, mode);
    this.mostOpenFiles = Math.max(this.mostOpenFiles, ++this.openFiles);
    return this.#wrap(file);
  }

  rename(from: string, to: string): void {
    this.before({ call: "rename", path: from });
    nodeFileSystem.rename(from, to);
  }

  remove(path: string): void {
    this.before({ call: "remove", path });
    nodeFileSystem.remove(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.before({ call: "sync", path });
    await nodeFileSystem.syncDirectory(path);
  }

  async barrier(path: string): Promise<boolean> {
    await this.before({ call: "barrier", path });
    return await nodeFileSystem.barrier(path);
  }

  #wrap(file: File): File {
    const { path } = file;
    return {
      path,
      ...(this.sendsFiles
        ? {
          blob: (start, end) => new Blob([Deno.readFileSync(path).subarray(start, end)]),
          sendTo: () => 0,
        }
        : {}),
      size: () => file.size(),
      readSync: (into, position) => {
        this.before({ call: "read", path });
        return file.readSync(into, position);
      },
      read: async (into, position) => {
        await this.before({ call: "read", path });
        return await file.read(into, position);
      },
      writeSync: (bytes, position) => {
        this.before({ call: "write", path });
        file.writeSync(bytes, position);
      },
      write: async (bytes, position) => {
        await this.before({ call: "write", path });
        await file.write(bytes, position);
      },
      truncate: (lengthBytes) => file.truncate(lengthBytes),
      dataSync: async () => {
        await this.before({ call: "sync", path });
        await file.dataSync();
      },
      dataSyncBlocking: () => {
        this.before({ call: "sync", path });
        file.dataSyncBlocking();
      },
      close: () => {
        this.before({ call: "close", path });
        this.openFiles--;
        file.close();
      },
    };
  }
}

/** What a full disk answers. */
export function noSpace({ call, path }: DiskCall): FileSystemError {
  return new FileSystemError("no_space", call, path, "no space left on device");
}
