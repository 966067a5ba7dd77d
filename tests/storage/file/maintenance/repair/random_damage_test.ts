import { ok } from "node:assert/strict";
import { flipBit } from "../../../../support/wal_kit.ts";
import { Random } from "../../../../support/random.ts";
import { copyKilled, withTempDir } from "../../../../support/temp_dir.ts";
import { snapshot, zeroOut } from "../damage_sample.ts";
import { type Outcome, readDirectory, repair } from "./repair_kit.ts";
import { makeSample, type SampleContents } from "../sample_directory.ts";
import type { RepairReport } from "../../../../../src/storage/file/maintenance/repair/report.ts";

/** More by `REPAIR_ROUNDS=1000`; a round's seed is its number. */
const ROUNDS = Number(Deno.env.get("REPAIR_ROUNDS") ?? 60);
/** What is asked of the json stream, which is deleted softly: its fork has all of it. */
const SOURCE = "json";

/** Damages one file in one way; the words for it. */
function damage(dir: string, random: Random): string {
  const files = [...snapshot(dir).keys()].filter((path) => !/spare-|LOCK/.test(path));
  const path = random.pick(files);
  const { size } = Deno.statSync(path);
  const position = random.below(Math.max(1, size));
  const kind = size === 0
    ? "remove"
    : random.pick(["flip", "flip", "flip", "zero", "cut", "remove"]);
  if (kind === "flip") flipBit(path, position);
  else if (kind === "zero") {
    zeroOut(path, position, Math.min(random.between(1, 5000), size - position));
  } else if (kind === "cut") Deno.truncateSync(path, position);
  else Deno.removeSync(path);
  return `${kind} ${path} at ${position}`;
}

/** Why an outcome isn't what may come of the damage, `undefined` where it may. */
function violation(
  contents: SampleContents,
  read: Outcome,
  { actions, left }: RepairReport,
  isLogHit: boolean,
): string | undefined {
  const isNamed = (name: string) =>
    [...actions, ...left].some(({ stream }) => stream?.name === name);
  // What the log's end lost may never have been acknowledged: nothing tells, and nothing has to.
  const isCut = isLogHit ||
    actions.some(({ outcome, stream }) => outcome === "lost" && stream === undefined);
  for (const [name, text] of contents) {
    const found = read.get(name);
    if (found === text) continue;
    if (found === undefined) {
      if (!isNamed(name) && !isCut) return `${name} is gone and not named`;
    } else if (found.startsWith("failed: ")) {
      if (left.length === 0 && !isNamed(name) && !isNamed(SOURCE)) return `${name} ${found}`;
    } else if (!isNamed(name) && !isNamed(SOURCE) && !(isCut && text.startsWith(found))) {
      return `${name} has other bytes and isn't named`;
    }
  }
  const source = read.get(SOURCE);
  const fork = contents.get("fork") ?? "";
  if (source === undefined || source.startsWith("failed: ") || fork.startsWith(source)) return;
  return isNamed(SOURCE) ? undefined : `${SOURCE} has other bytes and isn't named`;
}

Deno.test("after random damage and a repair each stream has its bytes, fails clearly or is named", async () => {
  await withTempDir(async (root) => {
    const samples = [
      await makeSample(`${root}/stopped`, "stopped"),
      await makeSample(`${root}/killed`, "killed"),
    ];
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = new Random(seed);
      const { dir, contents } = random.pick(samples);
      const copy = `${root}/${seed}`;
      copyKilled(dir, copy);
      const what = [damage(copy, random)];
      if (random.chance(0.3)) what.push(damage(copy, random));
      const about = `seed ${seed}: ${what.join(", ")}`;
      let report: RepairReport | undefined;
      try {
        report = await repair(copy);
        const read = await readDirectory(copy);
        const problem = violation(contents, read, report, about.includes(".wal"));
        ok(problem === undefined, `${about}: ${problem}`);
      } catch (error) {
        const isSaid = report !== undefined && report.left.length > 0;
        ok(isSaid, `${about}: ${error instanceof Error ? error.stack : String(error)}`);
      }
      Deno.removeSync(copy, { recursive: true });
    }
  });
});
