import type { FileSystem } from "../../../../env/file_system.ts";
import type { DirectoryPaths } from "../../directory/paths.ts";

/** What the parts of a check share: the directory, and how much of it they have seen. */
export interface CheckScope {
  readonly fileSystem: FileSystem;
  readonly paths: DirectoryPaths;
  readonly counts: CheckCounts;
}

/** How much a check has seen. */
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
