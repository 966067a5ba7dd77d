import { type FileSystem, FileSystemError } from "../../../env/file_system.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { SecretStore } from "../../subscription_store.ts";
import type { DirectoryPaths } from "./paths.ts";

/** The secrets of a directory in a file of its own, which only the user may read that runs the program. */
export class SecretsFile implements SecretStore {
  readonly #fileSystem: FileSystem;
  readonly #paths: DirectoryPaths;

  constructor(fileSystem: FileSystem, paths: DirectoryPaths) {
    this.#fileSystem = fileSystem;
    this.#paths = paths;
  }

  load(): Bytes | undefined {
    try {
      const file = this.#fileSystem.open(this.#paths.secrets, "read");
      try {
        const bytes = new Uint8Array(file.size());
        return bytes.subarray(0, file.readSync(bytes, 0));
      } finally {
        file.close();
      }
    } catch (error) {
      if (error instanceof FileSystemError && error.kind === "not_found") return undefined;
      throw error;
    }
  }

  async save(bytes: Bytes): Promise<void> {
    const path = `${this.#paths.secrets}.new`;
    this.#fileSystem.remove(path);
    const file = this.#fileSystem.open(path, "create_private");
    try {
      file.writeSync(bytes, 0);
      await file.dataSync();
    } finally {
      file.close();
    }
    this.#fileSystem.rename(path, this.#paths.secrets);
    await this.#fileSystem.syncDirectory(this.#paths.root);
  }
}
