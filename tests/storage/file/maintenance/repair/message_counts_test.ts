import { deepStrictEqual as equal, ok } from "node:assert";
import { nodeFileSystem } from "../../../../../src/env/node_file_system.ts";
import { encodeUtf8 } from "../../../../../src/protocol/bytes.ts";
import { checkDirectory } from "../../../../../src/storage/file/maintenance/check/check.ts";
import { isFinding } from "../../../../../src/storage/file/maintenance/check/finding.ts";
import { FileKit } from "../../../../support/file_kit.ts";
import { withTempDir } from "../../../../support/temp_dir.ts";
import { repairWhole } from "./repair_kit.ts";

const OPTIONS = { segmentBytes: 16 * 1024, walBytes: 256 * 1024 };
const MESSAGES = 12;

/** A text stream of messages that are longer than a block, two in each segment. */
async function makeLong(root: string): Promise<string> {
  const kit = new FileKit(root, OPTIONS);
  const storage = await kit.open();
  await storage.create("long", { contentType: "text/plain" });
  for (let i = 0; i < MESSAGES; i++) {
    const body = encodeUtf8(`${i}`.padEnd(10_000, "x"));
    await storage.append("long", { contentType: "text/plain", body });
  }
  await kit.close();
  return kit.dir;
}

function indexesOf(dir: string): string[] {
  return Array.from(Deno.readDirSync(`${dir}/segments/01`), ({ name }) => name)
    .filter((name) => name.endsWith(".idx"))
    .sort()
    .map((name) => `${dir}/segments/01/${name}`);
}

for (const lost of [[0], [1], [0, 1], [0, 2, 4], [5], [4, 5]]) {
  Deno.test(`a byte stream's counts hold together after its indexes ${lost} were made anew`, () =>
    withTempDir(async (root) => {
      const dir = await makeLong(root);
      const indexes = indexesOf(dir);
      equal(indexes.length, 6);
      for (const number of lost) Deno.removeSync(indexes[number] ?? "");
      await repairWhole(dir);
      const { found } = checkDirectory({ fileSystem: nodeFileSystem, dir });
      equal(found.filter(isFinding), []);
      const kit = new FileKit(root, OPTIONS);
      const storage = await kit.open();
      equal((await storage.head("long")).messages, MESSAGES);
      let before = 0;
      for (let last = MESSAGES; last > 0; last--) {
        const { start } = await storage.read("long", { lastMessages: last }, 1);
        ok(start >= before, `the last ${last} begin at ${start}, after ${before}`);
        before = start;
      }
      await kit.close();
    }));
}

Deno.test("a repair counts nothing anew behind what was trimmed", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, OPTIONS);
    const storage = await kit.open();
    await storage.create("trimmed", { contentType: "application/json" });
    const tails: number[] = [];
    for (let i = 0; i < MESSAGES; i++) {
      const body = encodeUtf8(JSON.stringify(`${i}`.padEnd(10_000, "x")));
      const { tail } = await storage.append("trimmed", { contentType: "application/json", body });
      tails.push(tail);
    }
    await kit.checkpoint();
    await storage.update?.("trimmed", { trimBefore: tails[5] });
    await kit.checkpoint();
    await kit.close();
    const indexes = indexesOf(kit.dir);
    ok(indexes.length < 6);
    const before = indexes.map((path) => Deno.readFileSync(path).toHex());
    Deno.removeSync(`${kit.dir}/FORMAT`);
    await repairWhole(kit.dir);
    equal(indexes.map((path) => Deno.readFileSync(path).toHex()), before);
    equal((await (await kit.open()).head("trimmed")).messages, MESSAGES);
    await kit.close();
  }));
