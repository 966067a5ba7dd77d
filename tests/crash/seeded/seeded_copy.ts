import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inRepo } from "../../tools/repo.ts";
import type { SeededBug } from "./seeded_bug.ts";

/** What the crash tests need to run. */
const COPIED = [
  "src",
  "tests/support",
  "tests/crash",
  "tests/contract/kit.ts",
  "tests/contract/model.ts",
  "tests/contract/stepped_storage.ts",
  "tests/linearizability",
  "tests/storage/file/segments/segments_test.ts",
  "tests/storage/file/snapshots_test.ts",
  "tests/storage/file/undurable_errors_test.ts",
  "tests/storage/nats/reading",
  "tests/storage/nats/snapshots",
  "tests/storage/nats/streams/forwarding_test.ts",
  "tests/storage/offset_spaces_test.ts",
  "tests/tools/repo.ts",
  "deno.json",
  "package.json",
];

/**
 * Copies the source and tests, and plants a bug there.
 *
 * @param copied what these tests need to run; those of crashes where it is left out
 * @throws {Error} where the text to change isn't there just once: the bug has to be written anew
 */
export function seedBug(dir: string, bug: SeededBug, copied: readonly string[] = COPIED): void {
  mkdirSync(join(dir, "tests"), { recursive: true });
  for (const part of copied) cpSync(inRepo(part), join(dir, part), { recursive: true });
  symlinkSync(inRepo("node_modules"), join(dir, "node_modules"));
  for (const { file, from, to } of bug.edits) {
    const path = join(dir, "src", "storage", file);
    const text = readFileSync(path, "utf8");
    const parts = text.split(from);
    if (parts.length !== 2) {
      throw new Error(`"${bug.name}": ${file} has its text ${parts.length - 1} times:\n${from}`);
    }
    writeFileSync(path, parts.join(to));
  }
}
