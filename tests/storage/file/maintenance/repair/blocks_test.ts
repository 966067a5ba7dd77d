import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../../src/protocol/bytes.ts";
import { checkDirectory } from "../../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../../src/storage/file/maintenance/check/finding.ts";
import { describeAction } from "../../../../../src/storage/file/maintenance/repair/report.ts";
import { openFileStorage } from "../../../../../src/storage/file/open.ts";
import type { Storage } from "../../../../../src/storage/storage.ts";
import { ManualClock } from "../../../../support/manual_clock.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { snapshot } from "../damage_sample.ts";
import { readStream } from "../sample_directory.ts";
import { blocksOf, changeCatalog, makeSmallStreams, putBlock } from "../small_streams.ts";
import { readDirectory, repair, repairWhole } from "./repair_kit.ts";

const TEXT_ID = 2;

function open(dir: string): Promise<Storage> {
  return openFileStorage({ dir, walBytes: 256 * 1024, clock: new ManualClock() });
}

/** Damages one of the blocks of `text`, and tells where it is. */
function damageBlock(dir: string, number: number): { base: number; end: number } {
  const block = blocksOf(dir, TEXT_ID)[number];
  if (block === undefined) throw new Error(`There is no block ${number}.`);
  const { base, end } = block;
  changeCatalog(
    dir,
    "UPDATE block SET body = CAST(replace(CAST(body AS TEXT), 'line', 'lime') AS BLOB) " +
      `WHERE stream_id = ${TEXT_ID} AND base = ${base}`,
  );
  return { base, end };
}

for (const [where, number] of [["first", 0], ["middle", 1], ["last", 2]] as const) {
  Deno.test(`the ${where} block of a stream is lost where it is damaged, and nothing else`, () =>
    withTempDir(async (root) => {
      const { dir, contents } = await makeSmallStreams(root);
      const text = contents.get("text") ?? "";
      equal(blocksOf(dir, TEXT_ID).length, 3);
      const { base, end } = damageBlock(dir, number);
      const planned = (await repair(dir, { isDryRun: true })).actions.map(describeAction);
      const report = await repair(dir);
      const lines = report.actions.map(describeAction);
      const ofBlocks = (line: string) => /block/.test(line);
      equal(lines.filter(ofBlocks), planned.filter(ofBlocks));
      ok(
        lines.some((line) =>
          /^lost: .*a block of it in the catalogue is damaged: its bytes are gone/.test(line) &&
          line.endsWith(`; stream "text" (2), offsets ${base}–${end}`)
        ),
        lines.join("\n"),
      );
      // What is gone stays gone, as a segment's does.
      equal(report.left.map(({ range }) => range), [{ from: base, to: end }]);
      ok(Deno.readTextFileSync(`${report.keptIn}/lost-rows.jsonl`).includes('"table":"block"'));
      const storage = await open(dir);
      try {
        for (let at = 0; at < text.length; at += 100) {
          const isLost = at >= base && at < end;
          if (isLost) await rejects(storage.read("text", at, 1), { code: "damaged" });
          else {
            const { data, next } = await storage.read("text", at, 1);
            const found = new TextDecoder().decode(data);
            equal(found, text.slice(at, next), `${at}`);
            ok(next <= base || at >= end);
          }
        }
        equal(await readStream(storage, "json"), contents.get("json"));
        const more = { contentType: "text/plain", body: encodeUtf8("more\n") };
        // Where the newest bytes are missing, nothing goes on.
        if (where === "last") await rejects(storage.append("text", more), { code: "damaged" });
        else equal((await storage.append("text", more)).tail, text.length + 5);
      } finally {
        await storage.close();
      }
      const again = await open(dir);
      const { data } = await again.read("text", text.length - 5, 100);
      const expected = `${text.slice(-5)}${where === "last" ? "" : "more\n"}`;
      equal(new TextDecoder().decode(data), expected);
      await again.close();
      const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
      equal(found.filter(isFinding).map(({ range }) => range), [{ from: base, to: end }]);
    }));
}

Deno.test("all whole blocks are kept where a page or another row is damaged", () =>
  withTempDir(async (root) => {
    const { dir, contents } = await makeSmallStreams(root);
    changeCatalog(dir, "UPDATE state SET crc32 = 1");
    await repairWhole(dir);
    equal(blocksOf(dir, TEXT_ID).length, 3);
    equal(await readDirectory(dir), contents);
  }));

Deno.test("a stream that is lost is kept for its forks with its blocks", () =>
  withTempDir(async (root) => {
    const { dir, contents } = await makeSmallStreams(root);
    changeCatalog(dir, "UPDATE stream SET tail = tail + 1 WHERE name = 'json'");
    const report = await repair(dir);
    const held = blocksOf(dir, 1).at(-1)?.end ?? Deno.statSync(
      `${dir}/segments/01/0000000000000001-00000000000000000000.log`,
    ).size;
    // What was in the lost row is gone for the fork, too.
    equal(report.left.every(({ range }) => (range?.from ?? 0) >= held), true);
    const storage = await open(dir);
    try {
      await rejects(storage.head("json"), { code: "not_found" });
      const { data } = await storage.read("fork", 0, 4096);
      const found = new TextDecoder().decode(data);
      ok(found.length > 0 && (contents.get("fork") ?? "").startsWith(found));
    } finally {
      await storage.close();
    }
  }));

Deno.test("a dry run changes nothing where blocks are damaged", () =>
  withTempDir(async (root) => {
    const { dir } = await makeSmallStreams(root);
    damageBlock(dir, 1);
    const files = () => [...snapshot(dir)].filter(([path]) => !path.endsWith("/LOCK"));
    const before = files();
    await repair(dir, { isDryRun: true });
    equal(files(), before);
  }));

Deno.test("blocks that nobody could have written are dropped, whatever is in them", () =>
  withTempDir(async (root) => {
    const { dir, contents } = await makeSmallStreams(root);
    const last = blocksOf(dir, TEXT_ID).at(-1);
    if (last === undefined) throw new Error("There are blocks.");
    const { base, end } = last;
    for (
      const hostile of [
        { ...last, base: base + 1, end: end + 1 },
        { ...last, base: end, end: end + 5 },
        { ...last, base: 2 ** 60, end: 2 ** 60 + 4096, body: new Uint8Array(4096) },
      ]
    ) putBlock(dir, hostile);
    const lines = await repairWhole(dir);
    const message = "2 blocks of it in the catalogue overlap others or aren't as long as they say";
    ok(lines.some((line) => line.startsWith("lost") && line.includes(message)), lines.join("\n"));
    equal(await readDirectory(dir), contents);
  }));
