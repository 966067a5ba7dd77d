import { ok } from "node:assert/strict";
import process from "node:process";
import { writeAt } from "./write_at.ts";
import { answersOf } from "./answers.ts";
import { DamagedDirectory } from "./damaged_directory.ts";
import { copyFolder, withFastDir } from "./folders.ts";
import { makeDirectory } from "./sample.ts";

/** `FLIPS=all` asks a directory with each byte flipped; else each byte is checked, and every sixteenth asked. */
const EVERY = process.env["FLIPS"] === "all" ? 1 : 16;
const SMALL_BYTES = 84 * 1024;

/**
 * Flips every byte of some files of a small directory that was stopped, one at a time: `check` finds it,
 * or it changes no answer. LOCK is left out: nothing in it outlives its server.
 */
export async function flipEveryByte(isMine: (path: string) => boolean): Promise<void> {
  await withFastDir(async (root) => {
    const dir = `${root}/streams`;
    await makeDirectory(dir, 1);
    Deno.removeSync(`${dir}/LOCK`);
    copyFolder(dir, `${root}/whole`);
    const patient = new DamagedDirectory(root, dir, [await answersOf(`${root}/whole`)]);
    const files = patient.files();
    const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
    ok(bytes <= SMALL_BYTES, `${bytes} bytes`);
    let [flipped, found, asked] = [0, 0, 0];
    const phase = Math.floor(Math.random() * EVERY);
    for (const [path, content] of files) {
      if (!isMine(path)) continue;
      for (const [at, byte] of content.entries()) {
        writeAt(path, at, byte ^ 0xff);
        const findings = patient.check();
        flipped++;
        if (findings.length > 0) found++;
        if (at % EVERY === phase) {
          await patient.judge(`byte ${at} of ${path.slice(dir.length + 1)}`, findings);
          asked++;
        }
        writeAt(path, at, byte);
      }
    }
    console.log(`${flipped} flips, ${found} found, ${asked} asked for all answers`);
    ok(found > 0 && patient.check().length === 0);
  });
}
