import { damagedDirectory, REPAIR_ADVICE } from "../directory/damage.ts";

/** A record and where it is. */
export interface RecordLocation {
  readonly lsn: number;
  readonly path: string;
  readonly filePosition: number;
}

/** The error of a record that doesn't fit on what is there: what was acknowledged is missing. */
export function mismatch(
  { lsn, path, filePosition }: RecordLocation,
  expected: string,
  found: string,
): Error {
  return damagedDirectory(
    { path, filePosition, expected: `${expected} (record ${lsn})`, found },
    REPAIR_ADVICE,
  );
}
