import { equal, rejects } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { openFileStorage } from "../../../../src/storage/file/open.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const TYPE = "text/plain";

function post(storage: Storage, id: string, seq: number) {
  const body = encodeUtf8(`${id}${seq}`);
  return storage.append("here", { contentType: TYPE, body, producer: { id, epoch: 0, seq } });
}

Deno.test("a producer whose row is hidden by damage is neither refused nor let write twice", () =>
  withTempDir(async (dir) => {
    const first = await openFileStorage({ dir });
    await first.create("here", { contentType: TYPE });
    for (const id of ["a", "b"]) await post(first, id, 0);
    await first.close();
    const database = new DatabaseSync(`${dir}/catalog.sqlite`);
    database.exec("DELETE FROM producer WHERE producer_id = 'b'");
    database.close();
    const storage = await openFileStorage({ dir });
    const { tail } = await storage.head("here");
    for (const seq of [0, 1]) {
      await rejects(post(storage, "b", seq), {
        code: "damaged",
        message: /2 producers .* found 1/,
      });
    }
    await rejects(post(storage, "new", 0), { code: "damaged" });
    await post(storage, "a", 1);
    equal((await storage.head("here")).tail, tail + 2);
    await storage.close();
  }));

Deno.test("a producer that is new to a stream is taken, after a start too", () =>
  withTempDir(async (dir) => {
    for (const id of ["a", "b", "c"]) {
      const storage = await openFileStorage({ dir });
      await storage.create("here", { contentType: TYPE });
      await post(storage, id, 0);
      await post(storage, `${id}-too`, 0);
      await post(storage, id, 1);
      await storage.close();
    }
  }));
