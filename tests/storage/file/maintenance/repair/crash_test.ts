import { deepEqual, equal, ok } from "node:assert/strict";
import { FileSystemError } from "../../../../../src/env/file_system.ts";
import { flipBit } from "../../../../support/wal_kit.ts";
import { HookedFileSystem } from "../../../../support/hooked_file_system.ts";
import { copyKilled } from "../../../../support/temp_dir.ts";
import { filesIn, newestLog, segmentFiles, snapshot } from "../damage_sample.ts";
import { readDirectory, repair, withDamagedDirectory } from "./repair_kit.ts";

const CHANGES = new Set(["create", "write", "sync", "rename", "remove"]);
const MOST_STEPS = 200;

/** The disk, until it is asked to change something for the k-th time. */
function endsAt(k: number): { fileSystem: HookedFileSystem; isOver: () => boolean } {
  const fileSystem = new HookedFileSystem();
  let changes = 0;
  fileSystem.before = ({ call, path }) => {
    if (CHANGES.has(call) && ++changes >= k) {
      throw new FileSystemError("other", call, path, "the process was killed");
    }
  };
  return { fileSystem, isOver: () => changes < k };
}

/** Each original is where it was, or in a folder of originals. */
function checkOriginals(originals: Map<string, string>, dir: string): void {
  const kept = filesIn(dir).filter((path) => path.includes("/damaged-"));
  for (const [path, bytes] of originals) {
    const places = [path, ...kept.map((folder) => `${folder}${path.slice(dir.length)}`)];
    const found = places.some((place) => {
      try {
        return Deno.readFileSync(place).toHex() === bytes;
      } catch {
        return false;
      }
    });
    ok(found, `${path} is nowhere`);
  }
}

const damages: Record<string, (dir: string) => void> = {
  "a cut log": (dir) => {
    flipBit(newestLog(dir), 17);
    const batches = Math.floor(Deno.statSync(newestLog(dir)).size / 512);
    for (let i = 1; i < Math.min(batches, 130); i += 8) flipBit(newestLog(dir), i * 512 + 5);
  },
  "indexes and FORMAT": (dir) => {
    flipBit(`${dir}/FORMAT`, 40);
    Deno.removeSync(segmentFiles(dir, ".idx")[0] ?? "");
    flipBit(segmentFiles(dir, ".idx").at(-1) ?? "", 48 + 41);
  },
  "rows": (dir) => flipBit(`${dir}/catalog.sqlite`, 18),
};

for (const [what, damage] of Object.entries(damages)) {
  Deno.test(`a repair of ${what} that is killed at any step loses no original, and can be run again`, async () => {
    await withDamagedDirectory("killed", damage, async ({ dir }) => {
      const wholeDir = `${dir}-whole`;
      copyKilled(dir, wholeDir);
      await repair(wholeDir);
      const expected = await readDirectory(wholeDir);
      let steps = 0;
      for (let k = 1; k <= MOST_STEPS; k++, steps++) {
        const copy = `${dir}-${k}`;
        copyKilled(dir, copy);
        const originals = snapshot(copy);
        const { fileSystem, isOver } = endsAt(k);
        await repair(copy, { fileSystem }).catch(() => {});
        checkOriginals(originals, copy);
        await repair(copy);
        checkOriginals(originals, copy);
        deepEqual(await readDirectory(copy), expected);
        Deno.removeSync(copy, { recursive: true });
        if (isOver()) break;
      }
      equal(steps > 3 && steps < MOST_STEPS, true);
    });
  });
}
