import {
  type AffectedStream,
  describeAffected,
  describeFinding,
  type Finding,
  type OffsetRange,
} from "../check/finding.ts";

/** An action that a repair took, or would take. */
export interface RepairAction {
  /**
   * `repaired`: as it was, or as good; `lost`: it is gone, and the message says what it was;
   * `unproven`: it is served, but nothing shows any more that it has the bytes that were written.
   */
  readonly outcome: "repaired" | "lost" | "unproven";
  /** The file or folder. */
  readonly path: string;
  /** What was done, without a full stop. */
  readonly message: string;
  readonly stream?: AffectedStream | undefined;
  /** The stream's offsets that it concerns. */
  readonly range?: OffsetRange | undefined;
}

/** The result of a repair. */
export interface RepairReport {
  /** The damage before. */
  readonly before: readonly Finding[];
  readonly actions: readonly RepairAction[];
  /** The damage that is left; after a dry run empty. */
  readonly left: readonly Finding[];
  /** Where the damaged originals are; undefined where nothing was changed. */
  readonly keptIn: string | undefined;
}

/** An action as a line: `outcome: path: what was done; stream …`. */
export function describeAction({ outcome, path, message, stream, range }: RepairAction): string {
  return `${outcome}: ${path}: ${message}${describeAffected(stream, range)}`;
}

/** A finding that couldn't be repaired as a line. */
export function describeLeft(finding: Finding): string {
  return `not repaired: ${describeFinding(finding)}`;
}
