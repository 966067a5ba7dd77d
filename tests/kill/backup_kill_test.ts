import { equal, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { openFileStorage } from "../../src/storage/file/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { installTestTools } from "../tools/install.ts";
import { attempt, KilledServer } from "./killed_server.ts";

/**
 * A real server that is backed up by the program under load, and killed: what it had acknowledged before
 * the backup began is restored, in order and once, and what came during it as a beginning.
 */

const SMALL = ["--wal-bytes", "1MiB", "--segment-bytes", "64KiB"];
const STREAMS = ["a", "b", "c", "d"];
const BACKUPS = 3;
const RUNTIMES = ["deno", "bun"];
const run = promisify(execFile);

/** Appends lines of rising numbers, and counts those that were acknowledged. */
class NumberedWriter {
  acknowledged = 0;
  readonly #server: KilledServer;
  readonly #name: string;

  constructor(server: KilledServer, name: string) {
    this.#server = server;
    this.#name = name;
  }

  async writeUntil(isOver: () => boolean): Promise<void> {
    const headers = { "content-type": "text/plain" };
    await attempt(this.#server, this.#name, { method: "PUT", headers });
    while (!isOver()) {
      const body = `${this.acknowledged} ${"x".repeat(700)}\n`;
      const answer = await attempt(this.#server, this.#name, { method: "POST", headers, body });
      if (answer === undefined) return;
      this.acknowledged++;
    }
  }
}

for (const { name, command } of RUNTIME_TARGETS.filter((each) => RUNTIMES.includes(each.name))) {
  Deno.test(`${name}: backups under load have all that was acknowledged before they began`, async () => {
    await installTestTools();
    await withTempDir(async (root) => {
      const program = await command();
      const [data, backups] = [join(root, "data"), join(root, "backups")];
      const server = new KilledServer([...program, "--port", "0", "--dir", data, ...SMALL]);
      await server.start();
      const writers = STREAMS.map((each) => new NumberedWriter(server, each));
      let isOver = false;
      const writing = Promise.all(writers.map((writer) => writer.writeUntil(() => isOver)));
      const made: { root: string; before: number[]; after: number[] }[] = [];
      for (let i = 0; i < BACKUPS; i++) {
        const before = writers.map(({ acknowledged }) => acknowledged);
        const [file = "", ...args] = program;
        const backup = [...args, "backup", "--dir", data, "--to", backups, "--json"];
        const { stdout } = await run(file, backup);
        const after = writers.map(({ acknowledged }) => acknowledged);
        made.push({ root: JSON.parse(stdout).to, before, after });
      }
      isOver = true;
      await server.kill();
      await writing;
      for (const [i, backup] of made.entries()) {
        const restored = join(root, `restored${i}`);
        const [file = "", ...args] = program;
        await run(file, [...args, "restore", "--from", backup.root, "--to", restored]);
        await checkRestored(restored, backup);
      }
      ok((made.at(-1)?.before[0] ?? 0) > 10, "the writers wrote");
    });
  });
}

async function checkRestored(
  dir: string,
  { before, after }: { before: readonly number[]; after: readonly number[] },
): Promise<void> {
  const storage = await openFileStorage({ dir, mustExist: true });
  try {
    for (const [i, name] of STREAMS.entries()) {
      const lines = await linesOf(storage, name, before[i] ?? 0);
      equal(lines.map((line) => parseInt(line)).join(), lines.map((_, at) => at).join());
      ok(lines.length >= (before[i] ?? 0), `${name}: ${lines.length} of ${before[i]}`);
      ok(
        lines.length <= (after[i] ?? 0) + 1,
        `${name}: ${lines.length}, and ${after[i]} were sent`,
      );
    }
  } finally {
    await storage.close();
  }
}

async function linesOf(storage: Storage, name: string, least: number): Promise<string[]> {
  let text = "";
  try {
    for (let at = 0;;) {
      const { data, next, tail } = await storage.read(name, at, 1_000_000);
      text += new TextDecoder().decode(data);
      at = next;
      if (at >= tail) break;
    }
  } catch (error) {
    // It wasn't created yet when the backup began.
    if (least > 0) throw error;
  }
  return text.split("\n").slice(0, -1);
}
