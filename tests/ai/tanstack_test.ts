import { deepEqual, equal, rejects } from "node:assert/strict";
import { tanstackDurability } from "../../src/ai/tanstack.ts";
import { memoryKit } from "./memory_kit.ts";

interface Chunk {
  readonly n: number;
}

const numbered = (count: number, first = 0): Chunk[] =>
  Array.from({ length: count }, (_, n) => ({ n: first + n }));

Deno.test("each chunk has a place, behind which a reader goes on", async () => {
  const { client } = memoryKit();
  const durability = tanstackDurability<Chunk>({ client, path: "run" });
  const offsets = [
    ...await durability.append(numbered(3)),
    ...await durability.append([]),
    ...await durability.append(numbered(1, 3)),
    ...await durability.append(numbered(4, 4)),
  ];
  await durability.close();
  await durability.close();
  equal(new Set(offsets).size, 8);
  for (const [index, offset] of offsets.entries()) {
    const rest: number[] = [];
    for await (const { chunk } of durability.read(offset)) rest.push(chunk.n);
    deepEqual(rest, numbered(7 - index, index + 1).map(({ n }) => n));
  }
});

Deno.test("a snapshot is what is there, and returns although the run goes on", async () => {
  const { client } = memoryKit();
  const durability = tanstackDurability<Chunk>({ client, path: "run" });
  deepEqual(await durability.snapshot(), []);
  const offsets = await durability.append(numbered(3));
  const snapshot = await durability.snapshot();
  deepEqual(snapshot.map(({ chunk }) => chunk), numbered(3));
  const [first] = snapshot;
  const rest: number[] = [];
  const stop = new AbortController();
  for await (const { chunk } of durability.read(first?.offset ?? "", stop.signal)) {
    rest.push(chunk.n);
    if (rest.length === 2) break;
  }
  deepEqual(rest, [1, 2]);
  equal(offsets.length, 3);
});

Deno.test("a run that two processes write is refused to the second", async () => {
  const { client } = memoryKit();
  const first = tanstackDurability<Chunk>({ client, path: "run" });
  const second = tanstackDurability<Chunk>({ client, path: "run" });
  await first.append(numbered(1));
  await second.append(numbered(1));
  await rejects(first.append(numbered(1)), { code: "offset_mismatch" });
});

Deno.test("where a request goes on is its Last-Event-ID, or its offset", () => {
  const { client } = memoryKit();
  const from = (query: string, headers: Record<string, string> = {}) =>
    tanstackDurability({
      client,
      path: "run",
      request: new Request(`http://app.test/run${query}`, { headers }),
    }).resumeFrom();
  equal(from(""), null);
  equal(from("?offset="), null);
  equal(from("?offset=-1"), "-1");
  equal(from("?offset=-1", { "last-event-id": "7/2" }), "7/2");
});
