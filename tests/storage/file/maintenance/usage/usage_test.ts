import { deepStrictEqual as equal } from "node:assert";
import { encodeUtf8 } from "../../../../../src/protocol/bytes.ts";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { directoryPaths } from "../../../../../src/storage/file/directory/paths.ts";
import { openDatabase } from "../../../../../src/storage/file/directory/sqlite.ts";
import { streamUsages } from "../../../../../src/storage/file/maintenance/usage/usage.ts";
import { openFileStorage } from "../../../../../src/storage/file/open.ts";
import { FileKit } from "../../../../support/file_kit.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { blocksOf, makeSmallStreams } from "../small_streams.ts";

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

Deno.test("what a small stream takes are its blocks in the catalogue and its row's rest", () =>
  withTempDir(async (root) => {
    const { dir, contents } = await makeSmallStreams(root);
    const paths = directoryPaths(dir);
    const usages = [...streamUsages({ fileSystem: nodeFileSystem, paths }, "")];
    const bytesOf = (name: string) => usages.find((usage) => usage.name === name)?.bytes;
    equal(bytesOf("text"), contents.get("text")?.length);
    equal(bytesOf("json"), encodeUtf8(contents.get("json") ?? "").length);
  }));

Deno.test("what is trimmed of a block in the catalogue counts as trimmed, and so does what forks hold", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const storage = await kit.open();
    for (const name of ["plain", "source"]) {
      await storage.create(name, { contentType: "text/plain" });
      for (let i = 0; i < 6; i++) {
        const body = encodeUtf8(`${i}`.padEnd(2000, "x"));
        await storage.append(name, { contentType: "text/plain", body });
      }
    }
    await storage.create("fork", { fork: { source: "source" } });
    await kit.checkpoint();
    for (const name of ["plain", "source"]) await storage.update?.(name, { trimBefore: 6000 });
    await kit.checkpoint();
    const paths = directoryPaths(kit.dir);
    const usages = [...streamUsages({ fileSystem: nodeFileSystem, paths }, "")];
    await kit.close();
    const base = blocksOf(kit.dir, 1)[0]?.base ?? 0;
    equal(base, 4000);
    const found = usages.map(({ name, bytes, trimmedBytes, heldByForksBytes }) =>
      [name, bytes, trimmedBytes, heldByForksBytes].join(" ")
    );
    equal(found.filter((line) => /^(?:plain|source)/.test(line)), [
      "plain 8000 2000 0",
      "source 12000 0 6000",
    ]);
  }));
