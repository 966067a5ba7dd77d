import type { Bytes } from "../../../protocol/bytes.ts";

/** The path of a file that only its owner may read. */
export const PRIVATE_PATH = "webhook_keys";

/** A file that is being written, from its beginning to its end. */
export interface TargetFile {
  write(bytes: Bytes): Promise<void>;
  /** All of it was written. */
  end(): Promise<void>;
}

/** Where the files of a backup or of a restored directory go. Paths are those in the directory. */
export interface BackupTarget {
  /**
   * Begins a file.
   *
   * @param sizeBytes how long it will be
   */
  create(path: string, sizeBytes: number): Promise<TargetFile>;
  /** Takes over the whole file at `from`, which nobody changes any more; false where that can't be. */
  link(path: string, from: string): boolean;
}

/** How fast a backup may go, and who is told how far it is. */
export interface BackupThrottle {
  /** So many bytes were read; resolves when the next ones may be. */
  spend(bytes: number): Promise<void>;
}
