import { equal } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** The `nice` value of each of this process's threads (proc(5)). */
function niceOfThreads(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    const stat = statOf(thread);
    if (stat === undefined) return [];
    const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [Number(afterName[16])];
  });
}

/** `undefined` of a thread that has ended since it was listed: the runtime's own come and go. */
function statOf(thread: string): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
  } catch {
    return undefined;
  }
}

Deno.test({
  name: "of a storage's threads the catalogue's alone gives way",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const own = niceOfThreads()[0] ?? 0;
    const lower = () => niceOfThreads().filter((nice) => nice > own).length;
    const before = lower();
    await withTempDir(async (dir) => {
      const storage = await openFileStorage({ dir });
      const during = lower();
      await storage.close();
      equal(during - before, 1);
    });
  },
});
