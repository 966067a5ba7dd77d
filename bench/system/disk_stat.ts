import { readFileSync } from "node:fs";

const SECTOR_BYTES = 512;
/** Which field of a block device's `stat` counts the sectors written. */
const WRITTEN_SECTORS = 6;

/** What a disk has written so far for everyone, in bytes; undefined where that can't be read. */
export function diskWrittenBytes(statPath: string): number | undefined {
  try {
    const fields = readFileSync(statPath, "latin1").trim().split(/\s+/);
    const sectors = Number(fields[WRITTEN_SECTORS]);
    return Number.isNaN(sectors) ? undefined : sectors * SECTOR_BYTES;
  } catch {
    return undefined;
  }
}
