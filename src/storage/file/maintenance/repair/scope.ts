import type { FileSystem } from "../../../../env/file_system.ts";
import type { DirectoryPaths } from "../../directory/paths.ts";
import type { Quarantine } from "../../directory/quarantine.ts";
import type { RepairAction } from "./report.ts";

/** The parts of a repair share this. */
export interface RepairScope {
  readonly fileSystem: FileSystem;
  readonly paths: DirectoryPaths;
  readonly quarantine: Quarantine;
  /** When the repair began. */
  readonly nowMs: number;
  /** Reports what was done, or on a dry run would be. */
  report(action: RepairAction): void;
}
