import { equal } from "node:assert/strict";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import type { FileSystem } from "../../../../../src/env/file_system.ts";
import { repairDirectory } from "../../../../../src/storage/file/maintenance/repair/repair.ts";
import {
  describeAction,
  type RepairReport,
} from "../../../../../src/storage/file/maintenance/repair/report.ts";
import { openFileStorage } from "../../../../../src/storage/file/open.ts";
import { StreamError } from "../../../../../src/protocol/errors.ts";
import { ManualClock } from "../../../../support/manual_clock.ts";
import { copyKilled, withTempDir } from "../../../../support/temp_dir.ts";
import { makeSample, readStream, type SampleContents } from "../sample_directory.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** What a directory's streams are after a repair: their contents, or the code of the error. */
export type Outcome = Map<string, string>;

/** A damaged directory and what it held. */
export interface DamagedDirectory {
  readonly dir: string;
  readonly contents: SampleContents;
}

/** Damages a sample directory in a folder of its own. */
export async function withDamagedDirectory(
  end: "stopped" | "killed",
  damage: (dir: string) => void,
  run: (patient: DamagedDirectory) => Promise<void>,
): Promise<void> {
  await withTempDir(async (root) => {
    const { dir, contents } = await makeSample(root, end);
    const copy = `${root}/patient`;
    copyKilled(dir, copy);
    damage(copy);
    await run({ dir: copy, contents });
  });
}

/** Repairs a directory. */
export function repair(
  dir: string,
  { fileSystem = nodeFileSystem, isDryRun = false }: {
    fileSystem?: FileSystem;
    isDryRun?: boolean;
  } = {},
): Promise<RepairReport> {
  return repairDirectory({ fileSystem, dir, isDryRun, nowMs: NOW_MS });
}

/** Repairs a directory that comes out whole; the lines that say what was done. */
export async function repairWhole(dir: string): Promise<string[]> {
  const report = await repair(dir);
  equal(report.left.map(({ kind, message }) => `${kind}: ${message}`).join("\n"), "");
  return report.actions.map(describeAction);
}

/** Starts a storage on a directory and reads all that it lists. */
export async function readDirectory(dir: string): Promise<Outcome> {
  const storage = await openFileStorage({
    dir,
    walBytes: 256 * 1024,
    mustExist: true,
    clock: new ManualClock(),
  });
  try {
    const outcome: Outcome = new Map();
    const { streams } = await storage.list({ limit: 1000 });
    for (const { name } of streams) {
      outcome.set(name, await readStream(storage, name).catch(codeOf));
    }
    return outcome;
  } finally {
    await storage.close();
  }
}

function codeOf(error: unknown): string {
  if (error instanceof StreamError) return `failed: ${error.code}`;
  throw error;
}
