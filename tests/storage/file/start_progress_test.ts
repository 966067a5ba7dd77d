import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Clock } from "../../../src/env/clock.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import type { StartProgress } from "../../../src/storage/start_progress.ts";
import { HookedFileSystem } from "../../support/hooked_file_system.ts";
import { copyKilled, withTempDir } from "../../support/temp_dir.ts";
import { unpackVersion3 } from "./directory/old_versions.ts";

const RECORDS = 2000;
const BODY = new TextEncoder().encode("0123456789");

/** A clock on which each look at it takes longer than a turn may. */
class HastyClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1);
  turns = 0;

  nowMs(): number {
    return this.#nowMs += 100;
  }

  setTimer(delayMs: number, run: () => void): () => void {
    if (delayMs > 1) return () => {};
    this.turns++;
    queueMicrotask(run);
    return () => {};
  }
}

/** A directory as a kill leaves it, with all of its records in the log. */
async function withKilled(run: (dir: string) => Promise<void>): Promise<void> {
  await withTempDir(async (root) => {
    const storage = await openFileStorage({ dir: `${root}/live`, fsync: "never" });
    await storage.create("s", { contentType: "text/plain" });
    const append = () => storage.append("s", { contentType: "text/plain", body: BODY });
    await Promise.all(Array.from({ length: RECORDS }, append));
    copyKilled(`${root}/live`, `${root}/killed`);
    await storage.close();
    await run(`${root}/killed`);
  });
}

Deno.test("a start tells how far it is, and lets others be served meanwhile", () =>
  withKilled(async (dir) => {
    const told: StartProgress[] = [];
    const clock = new HastyClock();
    const storage = await openFileStorage({ dir, clock, onProgress: (each) => told.push(each) });
    equal((await storage.head("s")).tail, RECORDS * BODY.length);
    await storage.close();
    ok(clock.turns >= RECORDS / 256, `${clock.turns} turns`);
    const recovering = told.filter((each) => each.state === "recovering");
    const steps = recovering.map(({ step }) => step);
    deepEqual([...new Set(steps)], ["check", "apply"]);
    for (const step of ["check", "apply"]) {
      const read = recovering.filter((each) => each.step === step);
      for (const [i, { readBytes, logBytes }] of read.entries()) {
        ok(readBytes >= (read[i - 1]?.readBytes ?? 0), "no step goes back");
        ok(readBytes <= logBytes, "nor does it go past the end");
        ok(logBytes >= RECORDS * BODY.length);
      }
      equal(read[0]?.readBytes, 0);
      ok((read.at(-1)?.readBytes ?? 0) > 0, `${step} goes on`);
    }
  }));

Deno.test("a start that fails between two turns lets go of the directory, and the next one succeeds", () =>
  withKilled(async (dir) => {
    const fileSystem = new HookedFileSystem();
    const clock = new HastyClock();
    let reads = 0;
    fileSystem.before = ({ call, path }) => {
      if (call === "open" && path.endsWith(".wal") && ++reads === 3) {
        throw new Error("the disk is gone");
      }
    };
    await rejects(openFileStorage({ dir, clock, fileSystem }), /the disk is gone/);
    equal(fileSystem.openFiles, 0);
    const storage = await openFileStorage({ dir });
    equal((await storage.head("s")).tail, RECORDS * BODY.length);
    await storage.close();
  }));

Deno.test("a start that converts a directory doesn't say meanwhile that it reads the log", () =>
  withTempDir(async (dir) => {
    await unpackVersion3(dir);
    const told: StartProgress[] = [];
    const clock = new HastyClock();
    let turns = 0;
    const onProgress = (each: StartProgress) => {
      if (told.push(each) === 1) turns = clock.turns;
    };
    await (await openFileStorage({ dir, clock, onProgress })).close();
    ok(turns > 10, `${turns} turns before the log is read`);
    const [first] = told;
    ok(first?.state === "recovering" && first.logBytes > 0);
  }));
