import { deepStrictEqual as equal, rejects } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { changeCatalog } from "../maintenance/small_streams.ts";

const TEXT = { contentType: "text/plain" };

/** A stopped stream of three blocks in the catalogue, each a second after the one before; their bounds. */
async function makeTimed(kit: FileKit): Promise<number[]> {
  const storage = await kit.open();
  await storage.create("s", TEXT);
  const bounds = [0];
  for (let i = 0; i < 3; i++) {
    kit.clock.advance(1000);
    const body = encodeUtf8(`${i}`.padEnd(4200, "x"));
    bounds.push((await storage.append("s", { ...TEXT, body })).tail);
  }
  await kit.checkpoint();
  await kit.close();
  return bounds;
}

Deno.test("a read from a time doesn't pass over a block that is missing from the catalogue", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root);
    const startMs = kit.clock.nowMs();
    const bounds = await makeTimed(kit);
    changeCatalog(kit.dir, "DELETE FROM block WHERE stream_id = 1 AND base = 0");
    const storage = await kit.open();
    const since = (ms: number) => storage.read("s", { sinceMs: startMs + ms }, 1 << 20);
    await rejects(since(500), { code: "damaged" });
    equal((await since(2900)).start, bounds[2]);
    await rejects(storage.read("s", 0, 1), { code: "damaged" });
    equal((await storage.read("s", bounds[1] ?? 0, 1)).start, bounds[1]);
    await kit.close();
  }));

for (const [which, number] of [["in the middle", 1], ["at the end", 2]] as const) {
  Deno.test(`no byte of a stream is another where a block ${which} is missing`, () =>
    withTempDir(async (root) => {
      const kit = new FileKit(root);
      const bounds = await makeTimed(kit);
      changeCatalog(kit.dir, `DELETE FROM block WHERE stream_id = 1 AND base = ${bounds[number]}`);
      const storage = await kit.open();
      await rejects(storage.read("s", bounds[number] ?? 0, 1), { code: "damaged" });
      await rejects(storage.read("s", 0, 1 << 20), { code: "damaged" });
      await kit.close();
    }));
}
