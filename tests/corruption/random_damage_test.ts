import { ok } from "node:assert/strict";
import process from "node:process";
import { Random } from "../support/random.ts";
import { answersOf } from "./answers.ts";
import { DamagedDirectory } from "./damaged_directory.ts";
import { copyFolder, withFastDir } from "./folders.ts";
import { goOn, makeDirectory } from "./sample.ts";

/**
 * Random flips, zeros and cuts of larger directories: `FLIP_ROUNDS` says how many (1,000), `SEED` with
 * which seed the first is (a random one).
 */
const ROUNDS = Number(process.env["FLIP_ROUNDS"] ?? 1000);
const FIRST_SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
const BLOCKS = 40;

Deno.test("random damage of a larger directory is found or changes no answer", () =>
  withFastDir(async (root) => {
    const patients = [await makeStopped(root), await makeKilled(root)];
    let found = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const random = new Random(FIRST_SEED + round);
      const patient = random.pick(patients);
      const [path, bytes] = random.pick([...patient.files()]);
      const what = damage(path, bytes, random);
      const findings = patient.check();
      if (findings.length > 0) found++;
      await patient.judge(`SEED=${FIRST_SEED + round}: ${what}`, findings);
      Deno.writeFileSync(path, bytes);
    }
    console.log(`${ROUNDS} damages from seed ${FIRST_SEED} on, ${found} found`);
    ok(found > ROUNDS / 4);
  }));

async function makeStopped(root: string): Promise<DamagedDirectory> {
  const dir = `${root}/stopped`;
  await makeDirectory(dir, BLOCKS);
  Deno.removeSync(`${dir}/LOCK`);
  return new DamagedDirectory(`${root}/of-stopped`, dir, [await askCopy(root, dir)]);
}

/**
 * One that was killed, with what came since the last checkpoint in its log. Of the newest batch nothing
 * tells whether it was acknowledged: without it, too, the answers are right.
 */
async function makeKilled(root: string): Promise<DamagedDirectory> {
  const [whole, shorter] = [`${root}/killed`, `${root}/shorter`];
  await goOn(`${root}/stopped`, root, { whole, shorter });
  const right = [await askCopy(root, whole), await askCopy(root, shorter)];
  return new DamagedDirectory(`${root}/of-killed`, whole, right);
}

async function askCopy(root: string, dir: string) {
  const copy = `${root}/asked`;
  copyFolder(dir, copy);
  try {
    return await answersOf(copy);
  } finally {
    Deno.removeSync(copy, { recursive: true });
  }
}

/** Damages a file in one way; the words for it. */
function damage(path: string, bytes: Uint8Array<ArrayBuffer>, random: Random): string {
  const position = random.below(Math.max(1, bytes.length));
  const kinds = ["flip", "flip", "flip", "bit", "cut"];
  // What takes away the newest batches of the log, all of them, leaves no trace.
  const kind = random.pick(path.endsWith(".wal") ? kinds : [...kinds, "zeros", "remove"]);
  const changed = bytes.slice();
  if (kind === "flip") changed[position] = (bytes[position] ?? 0) ^ 0xff;
  else if (kind === "bit") changed[position] = (bytes[position] ?? 0) ^ (1 << random.below(8));
  else if (kind === "zeros") changed.fill(0, position, position + random.between(1, 5000));
  if (kind === "remove") Deno.removeSync(path);
  else Deno.writeFileSync(path, kind === "cut" ? bytes.subarray(0, position) : changed);
  return `${kind} at byte ${position} of ${bytes.length} of ${path}`;
}
