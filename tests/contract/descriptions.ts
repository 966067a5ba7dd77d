import { deepStrictEqual as equal, ok, rejects } from "node:assert";
import { describe } from "../../src/storage/describe.ts";
import { NO_BYTES } from "../../src/protocol/bytes.ts";
import { type It, TEXT } from "./kit.ts";

/** What a stream is described as, for who looks at it. */
export function describeDescriptions(it: It): void {
  it("a stream's description has its producers, its closure, its forks and its source", async (subject) => {
    const { storage, streams, clock } = subject;
    await storage.create("d/a", { contentType: TEXT });
    const empty = await describe(storage, "d/a");
    equal([empty.lastAppendAtMs, empty.producers, empty.producersTotal], [0, [], 0]);
    equal([empty.seq, empty.closedBy, empty.forkedFrom, empty.forks], [
      undefined,
      undefined,
      undefined,
      [],
    ]);
    await streams.text("d/a", "hello");
    const atMs = clock.nowMs();
    for (const [id, epoch] of [["p2", 0], ["p1", 3]] as const) {
      const producer = { id, epoch, seq: 0 };
      await storage.append("d/a", { contentType: TEXT, body: new Uint8Array(1), producer });
    }
    await storage.append("d/a", { contentType: TEXT, body: new Uint8Array(1), seq: "07" });
    for (const name of ["d/c", "d/b"]) {
      await storage.create(name, { fork: { source: "d/a", offset: 5 } });
    }
    const producer = { id: "p1", epoch: 3, seq: 1 };
    await storage.append("d/a", { body: NO_BYTES, close: true, producer });
    const a = await describe(storage, "d/a");
    const { id, tail, closed } = await storage.head("d/a");
    equal([a.id, a.tail, a.closed], [id, tail, closed]);
    equal(a.producers, [producer, { id: "p2", epoch: 0, seq: 0 }]);
    equal([a.producersTotal, a.seq, a.closedBy, a.forks], [2, "07", producer, ["d/b", "d/c"]]);
    ok(a.lastAppendAtMs >= atMs, `${a.lastAppendAtMs} is before ${atMs}`);
    const b = await describe(storage, "d/b");
    equal([b.forkedFrom, b.lastAppendAtMs], [{ name: "d/a", point: 5 }, 0]);
    await storage.delete("d/c");
    equal((await describe(storage, "d/a")).forks, ["d/b"]);
    await rejects(describe(storage, "d/none"), { code: "not_found" });
  });

  it("a listing says when each stream was written to, and what it is a fork of", async (subject) => {
    const { storage, streams } = subject;
    await storage.create("e/a", { contentType: TEXT });
    await streams.text("e/a", "hello");
    await storage.create("e/b", { fork: { source: "e/a" } });
    const { streams: [a, b] } = await storage.list({ prefix: "e/", limit: 10 });
    equal(a?.lastAppendAtMs, (await describe(storage, "e/a")).lastAppendAtMs);
    equal([a?.forkedFrom, b?.forkedFrom], [undefined, { name: "e/a", point: 5 }]);
  });
}
