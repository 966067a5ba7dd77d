import { deepStrictEqual as equal, match, ok, rejects } from "node:assert";
import { nodeFileSystem } from "../../../../src/env/node_file_system.ts";
import { checkBackup, manifestOf } from "../../../../src/storage/file/backup/check_backup.ts";
import { backUpToFolder } from "../../../../src/storage/file/backup/generations.ts";
import { restoreBackup } from "../../../../src/storage/file/backup/restore.ts";
import { sqliteDriver } from "../../../../src/storage/file/sqlite_driver.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { readDirectory } from "../maintenance/repair/repair_kit.ts";
import { blocksOf, changeCatalog, makeSmallStreams } from "../maintenance/small_streams.ts";

const PARTS = {
  fileSystem: nodeFileSystem,
  database: sqliteDriver,
  throttle: { spend: () => Promise.resolve() },
};

Deno.test("a backup has the blocks that lie in the catalogue, and counts them", () =>
  withTempDir(async (root) => {
    const { dir, contents } = await makeSmallStreams(root);
    const held = [1, 2].flatMap((id) => blocksOf(dir, id));
    const to = `${root}/backups`;
    const clock = new ManualClock();
    const backup = await backUpToFolder(to, { ...PARTS, dir, clock });
    equal(backup.manifest.blocks, held.length);
    const stored = { ...PARTS, root: backup.root };
    equal(manifestOf(stored).blocks, held.length);
    equal(await checkBackup(stored, backup.manifest, PARTS.throttle), []);
    const other = { ...backup.manifest, blocks: held.length + 1 };
    const [problem] = await checkBackup(stored, other, PARTS.throttle);
    match(problem ?? "", /expected \d+ blocks in its catalogue, found \d+/);
    const restored = `${root}/restored`;
    await restoreBackup(backup.root, { ...PARTS, dir: restored, mayBeDamaged: false });
    equal([1, 2].flatMap((id) => blocksOf(restored, id)), held);
    equal(await readDirectory(restored), contents);
  }));

Deno.test("a backup of a directory with a damaged block says so, and is restored with its damage only", () =>
  withTempDir(async (root) => {
    const { dir, contents } = await makeSmallStreams(root);
    changeCatalog(dir, "UPDATE block SET at_ms = at_ms + 1 WHERE stream_id = 2 AND base = 0");
    const clock = new ManualClock();
    const backup = await backUpToFolder(`${root}/backups`, { ...PARTS, dir, clock });
    equal(backup.manifest.damagedCount, 1);
    match(backup.manifest.damaged[0] ?? "", /catalog\.sqlite.* a row of block with the CRC-32/);
    const options = { ...PARTS, dir: `${root}/restored` };
    await rejects(
      restoreBackup(backup.root, { ...options, mayBeDamaged: false }),
      /1 of it was damaged when it was backed up: --allow-damaged/,
    );
    await restoreBackup(backup.root, { ...options, mayBeDamaged: true });
    const found = await readDirectory(options.dir);
    equal(found.get("text"), "failed: damaged");
    ok(found.get("json") === contents.get("json"));
  }));
