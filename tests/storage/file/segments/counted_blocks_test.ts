import { deepStrictEqual as equal, rejects } from "node:assert";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { withTempDir } from "../../../support/temp_dir.ts";
import { flipBit } from "../../../support/wal_kit.ts";

const JSON_TYPE = "application/json";
const MESSAGES = 100;
/** As it is stored. */
const MESSAGE_BYTES = 1000;

Deno.test("the last messages are found whatever is damaged in segments before the newest", () =>
  withTempDir(async (root) => {
    const kit = new FileKit(root, { segmentBytes: 16 * 1024, walBytes: 256 * 1024 });
    let storage = await kit.open();
    await storage.create("s", { contentType: JSON_TYPE });
    for (let i = 0; i < MESSAGES; i++) {
      const body = encodeUtf8(JSON.stringify(`${i}`.padEnd(MESSAGE_BYTES - 4, "x")));
      await storage.append("s", { contentType: JSON_TYPE, body });
    }
    await kit.close();
    const folder = `${kit.dir}/segments/01`;
    const indexes = Array.from(Deno.readDirSync(folder), ({ name }) => name)
      .filter((name) => name.endsWith(".idx")).sort();
    equal(indexes.length, 5);
    for (const name of indexes.slice(0, -1)) flipBit(`${folder}/${name}`, 50);
    storage = await kit.open();
    const start = async (lastMessages: number) =>
      (await storage.read("s", { lastMessages }, 1)).start;
    for (const last of [1, 10, 16]) equal(await start(last), (MESSAGES - last) * MESSAGE_BYTES);
    await rejects(start(50), { code: "damaged" });
    await kit.close();
  }));
