import { equal } from "node:assert/strict";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { directoryPaths } from "../../../../../src/storage/file/directory/paths.ts";
import { openDatabase } from "../../../../../src/storage/file/directory/sqlite.ts";
import { streamUsages } from "../../../../../src/storage/file/maintenance/usage/usage.ts";
import { openFileStorage } from "../../../../../src/storage/file/open.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";

Deno.test("a listing that nobody goes on to read keeps a server's catalogue from nothing", () =>
  withTempDir(async (dir) => {
    const storage = await openFileStorage({ dir });
    for (const name of ["a", "b"]) await storage.create(name, { contentType: "text/plain" });
    await storage.close();
    const paths = directoryPaths(dir);
    const usages = streamUsages({ fileSystem: nodeFileSystem, paths }, "");
    equal(usages.next().value?.name, "a");
    const server = openDatabase(paths.catalog);
    server.exec("UPDATE state SET clean = 0");
    const [row] = server.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    equal(row?.busy, 0);
    server.close();
    equal(usages.next().value?.name, "b");
    equal(usages.next().done, true);
  }));
