import { ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { copyLog, LogMovedOn } from "../../../../src/storage/file/backup/log_copy.ts";
import { readFormat } from "../../../../src/storage/file/directory/directory.ts";
import { directoryPaths } from "../../../../src/storage/file/directory/paths.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import { logFileNames } from "../../../../src/storage/file/wal/reader.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const CONTENT_TYPE = "text/plain";
const throttle = { spend: () => Promise.resolve() };

/** A target that takes everything, and says which files are begun. */
function targetOf(onCreate: (path: string) => void) {
  const file = { write: () => Promise.resolve(), end: () => Promise.resolve() };
  return {
    create: (path: string) => {
      onCreate(path);
      return Promise.resolve(file);
    },
    link: () => false,
  };
}

Deno.test("a log whose files are used again while the first is copied is begun anew, and not damaged", () =>
  withTempDir(async (dir) => {
    const storage = await openFileStorage({
      dir,
      walBytes: 16 * 1024 * 1024,
      checkpointIntervalMs: 1e8,
    });
    await storage.create("a", { contentType: CONTENT_TYPE });
    const body = new Uint8Array(60_000);
    const paths = directoryPaths(dir);
    const names = () => logFileNames(nodeFileSystem, paths.log);
    while (names().length < 4) await storage.append("a", { contentType: CONTENT_TYPE, body });
    const { uuid } = readFormat(nodeFileSystem, paths);
    const source = { fileSystem: nodeFileSystem, folder: paths.log, uuid, afterLsn: 0 };
    const whole = await copyLog(source, targetOf(() => {}), throttle);
    ok(whole.files.length > 2);
    // As the server does it, the oldest first.
    for (const at of [1, 2]) {
      const renamed: string[] = [];
      const target = targetOf(() => {
        if (renamed.length > 0) return;
        for (const { name } of whole.files.slice(0, at)) {
          nodeFileSystem.rename(join(paths.log, name), join(paths.log, `${name}.moved`));
          renamed.push(name);
        }
      });
      await rejects(copyLog(source, target, throttle), LogMovedOn);
      ok(renamed.length > 0);
      for (const name of renamed) {
        nodeFileSystem.rename(join(paths.log, `${name}.moved`), join(paths.log, name));
      }
    }
    await storage.close();
  }));
