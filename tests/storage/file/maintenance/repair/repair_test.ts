import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { DirectoryError } from "../../../../../src/storage/file/directory/damage.ts";
import { lockDirectory } from "../../../../../src/storage/file/directory/lock.ts";
import { flipBit } from "../../../../support/wal_kit.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { newestLog, segmentFiles, snapshot } from "../damage_sample.ts";
import { readDirectory, repair, repairWhole, withDamagedDirectory } from "./repair_kit.ts";

Deno.test("a directory that is whole is left as it is", async () => {
  await withDamagedDirectory("killed", () => {}, async ({ dir }) => {
    const before = snapshot(dir);
    const { actions, left, keptIn } = await repair(dir);
    deepEqual([actions, left, keptIn], [[], [], undefined]);
    Deno.removeSync(join(dir, "LOCK"));
    deepEqual(snapshot(dir), before);
  });
});

Deno.test("FORMAT that is missing or damaged is written anew", async () => {
  const damages: ((dir: string) => void)[] = [
    (dir) => Deno.removeSync(join(dir, "FORMAT")),
    (dir) => flipBit(join(dir, "FORMAT"), 40),
    (dir) => Deno.truncateSync(join(dir, "FORMAT"), 0),
  ];
  for (const damage of damages) {
    await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
      match(
        (await repairWhole(dir)).join("\n"),
        /^repaired: .*FORMAT: written anew with the directory's UUID/,
      );
      deepEqual(await readDirectory(dir), contents);
    });
  }
});

Deno.test("another version is refused, and nothing is changed", async () => {
  const { encodeFormat } = await import("../../../../../src/storage/file/directory/format_file.ts");
  for (const version of [2, 3, 4, 5, 7]) {
    const other = (dir: string) => {
      const uuid = "00112233-4455-6677-8899-aabbccddeeff";
      Deno.writeFileSync(join(dir, "FORMAT"), encodeFormat({ version, uuid }));
    };
    await withDamagedDirectory("stopped", other, async ({ dir }) => {
      const before = snapshot(dir);
      await rejects(
        repair(dir),
        (error) => error instanceof DirectoryError && error.code === "unknown_version",
      );
      Deno.removeSync(join(dir, "LOCK"));
      deepEqual(snapshot(dir), before);
    });
  }
});

Deno.test("an index that is missing is made anew, and its stream is said to be unproven", async () => {
  for (
    const [at, pattern] of [
      [0, /^unproven: .*: nothing shows whether .*; stream "json" \(1\), offsets 0–\d+$/],
      [-1, /^unproven: .*cut at line ends; .*; stream "text" \(2\), offsets \d+–\d+$/],
    ] as const
  ) {
    const damage = (dir: string) => Deno.removeSync(segmentFiles(dir, ".idx").at(at) ?? "");
    await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
      const lines = await repairWhole(dir);
      equal(lines.length, 1);
      match(lines[0] ?? "", pattern);
      deepEqual(await readDirectory(dir), contents);
    });
  }
});

Deno.test("an entry that is damaged alone is made anew and proven by the checksum in it", async () => {
  const damage = (dir: string) => flipBit(segmentFiles(dir, ".idx").at(-1) ?? "", 48 + 40 + 3);
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const original = Deno.readFileSync(segmentFiles(dir, ".idx").at(-1) ?? "");
    match(
      (await repairWhole(dir)).join("\n"),
      /^repaired: .*the checksums of all blocks are those/,
    );
    const made = Deno.readFileSync(segmentFiles(dir, ".idx").at(-1) ?? "");
    flipBit(segmentFiles(dir, ".idx").at(-1) ?? "", 48 + 40 + 3);
    deepEqual(Deno.readFileSync(segmentFiles(dir, ".idx").at(-1) ?? ""), original);
    equal(made.length, original.length);
    deepEqual(await readDirectory(dir).then((read) => read.get("fork")), contents.get("fork"));
  });
});

Deno.test("an entry whose block was changed too leaves the stream unproven", async () => {
  const damage = (dir: string) => {
    flipBit(segmentFiles(dir, ".idx").at(-1) ?? "", 48 + 3);
    flipBit(segmentFiles(dir, ".log").at(-1) ?? "", 10);
  };
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    match(
      (await repairWhole(dir)).join("\n"),
      /^unproven: .*stream "text" \(2\), offsets \d+–\d+$/,
    );
    const read = (await readDirectory(dir)).get("text");
    equal(read?.length, contents.get("text")?.length);
    ok(read !== contents.get("text"));
  });
});

Deno.test("a segment's damaged block stays, and its stream and offsets are named", async () => {
  const damage = (dir: string) => flipBit(segmentFiles(dir, ".log").at(-1) ?? "", 5000);
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const before = snapshot(dir);
    const { actions, left, keptIn } = await repair(dir);
    deepEqual([actions, keptIn], [[], undefined]);
    deepEqual(left.map(({ kind, stream }) => [kind, stream?.name]), [["segment_block", "text"]]);
    ok(left[0]?.range !== undefined && left[0].range.to - left[0].range.from <= 4096);
    Deno.removeSync(join(dir, "LOCK"));
    deepEqual(snapshot(dir), before);
    const read = await readDirectory(dir);
    equal(read.get("text"), "failed: damaged");
    equal(read.get("fork"), contents.get("fork"));
  });
});

Deno.test("a segment that is missing is named with its offsets, and no bytes are invented", async () => {
  const damage = (dir: string) => {
    const path = segmentFiles(dir, ".log").at(-1) ?? "";
    Deno.removeSync(path);
    Deno.removeSync(path.replace(".log", ".idx"));
  };
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    const { left } = await repair(dir);
    ok(left.some(({ kind, stream }) => kind === "segment_missing" && stream?.name === "text"));
    const read = await readDirectory(dir);
    equal(read.get("text"), "failed: damaged");
    equal(read.get("short"), contents.get("short"));
  });
});

Deno.test("a dry run says what would be done and changes nothing", async () => {
  const damage = (dir: string) => {
    Deno.removeSync(join(dir, "FORMAT"));
    Deno.removeSync(segmentFiles(dir, ".idx")[0] ?? "");
    flipBit(newestLog(dir), 8);
  };
  await withDamagedDirectory("killed", damage, async ({ dir }) => {
    const before = snapshot(dir);
    const planned = await repair(dir, { isDryRun: true });
    Deno.removeSync(join(dir, "LOCK"));
    deepEqual(snapshot(dir), before);
    const done = await repair(dir);
    deepEqual(planned.actions, done.actions);
    equal(planned.actions.length, 3);
  });
});

Deno.test("the originals are kept, byte for byte", async () => {
  const damage = (dir: string) => flipBit(newestLog(dir), 512 + 60);
  await withDamagedDirectory("killed", damage, async ({ dir }) => {
    const damaged = Deno.readFileSync(newestLog(dir));
    const path = newestLog(dir).slice(dir.length);
    const { keptIn } = await repair(dir);
    equal(keptIn, join(dir, "damaged-20260102T030405Z"));
    deepEqual(Deno.readFileSync(`${keptIn}${path}`), damaged);
  });
});

Deno.test("a second repair finds nothing to do, and a server starts beside the originals", async () => {
  const damage = (dir: string) => Deno.removeSync(segmentFiles(dir, ".idx")[0] ?? "");
  await withDamagedDirectory("stopped", damage, async ({ dir, contents }) => {
    await repairWhole(dir);
    deepEqual(await repairWhole(dir), []);
    deepEqual(await readDirectory(dir), contents);
    deepEqual(await readDirectory(dir), contents);
  });
});

Deno.test("a directory that a server holds, that is missing or not ours is refused", async () => {
  await withDamagedDirectory("stopped", () => {}, async ({ dir }) => {
    const lock = lockDirectory(join(dir, "LOCK"));
    try {
      await rejects(
        repair(dir),
        (error) => error instanceof DirectoryError && error.code === "in_use",
      );
    } finally {
      lock.release();
    }
  });
  await withTempDir(async (root) => {
    await rejects(repair(join(root, "nothing")), DirectoryError);
    Deno.writeTextFileSync(join(root, "notes"), "mine");
    await rejects(repair(root), DirectoryError);
    deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["notes"]);
  });
});
