import {
  type AffectedStream,
  describeAffected,
  describeFinding,
  type Finding,
  type OffsetRange,
} from "../check/finding.ts";

/** One thing that a repair did, or would do. */
export interface RepairAction {
  /**
   * `repaired`: it is as it was, or as good; `lost`: it is gone, and what it was is said;
   * `unproven`: it is served, and nothing shows any more that it is what was written.
   */
  readonly outcome: "repaired" | "lost" | "unproven";
  /** The file or folder. */
  readonly path: string;
  /** What was done, without a full stop. */
  readonly message: string;
  readonly stream?: AffectedStream | undefined;
  /** Which of the stream's offsets it is about. */
  readonly range?: OffsetRange | undefined;
}

/** What came of a repair. */
export interface RepairReport {
  /** What was wrong before. */
  readonly before: readonly Finding[];
  readonly actions: readonly RepairAction[];
  /** What is wrong still; after a dry run empty. */
  readonly left: readonly Finding[];
  /** Where the damaged originals are; undefined where nothing was changed. */
  readonly keptIn: string | undefined;
}

/** The line that says it: `outcome: path: what was done; stream …`. */
export function describeAction({ outcome, path, message, stream, range }: RepairAction): string {
  return `${outcome}: ${path}: ${message}${describeAffected(stream, range)}`;
}

/** The line that says what couldn't be repaired. */
export function describeLeft(finding: Finding): string {
  return `not repaired: ${describeFinding(finding)}`;
}
