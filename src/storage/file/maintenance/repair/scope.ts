import type { FileSystem } from "../../../../env/file_system.ts";
import type { DirectoryPaths } from "../../directory/paths.ts";
import type { Quarantine } from "../../directory/quarantine.ts";
import type { RepairAction } from "./report.ts";

/** What the parts of a repair share. */
export interface RepairScope {
  readonly fileSystem: FileSystem;
  readonly paths: DirectoryPaths;
  readonly quarantine: Quarantine;
  /** When the repair began. */
  readonly nowMs: number;
  /** Says what was done, or on a dry run would be. */
  report(mend: RepairAction): void;
}
