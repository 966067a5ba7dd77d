import type { FileSystem } from "../../../../env/file_system.ts";
import type { DirectoryPaths } from "../../directory/paths.ts";

/** The parts of a check share this: the directory, and how much of it they have read. */
export interface CheckScope {
  readonly fileSystem: FileSystem;
  readonly paths: DirectoryPaths;
  readonly counts: CheckCounts;
}

/** How much a check has read. */
export interface CheckCounts {
  files: number;
  bytes: number;
  streams: number;
}

/** Counts a file of so many bytes. */
export function countFile({ counts }: CheckScope, sizeBytes: number): void {
  counts.files++;
  counts.bytes += sizeBytes;
}
