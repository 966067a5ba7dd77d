import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { compareNames } from "../../../src/protocol/name_order.ts";
import { EngineKit } from "./engine_kit.ts";
import { matchesModel, names, patternTexts } from "./pattern_kit.ts";

Deno.test("link list: pages of a pattern's streams have each once, in order, whole", async () => {
  const kit = new EngineKit();
  const all = Array.from({ length: 25 }, (_, i) => `a/${String(i).padStart(2, "0")}`);
  await kit.make([...all].reverse());
  await kit.subscribe("s");
  for (const limit of [1, 7, 24, 25, 26, 1000]) {
    const pages = await kit.pages("s", limit);
    deepEqual(pages.flat(), all, `${limit}`);
    for (const page of pages) ok(page.length <= limit);
  }
});

Deno.test("link list: explicit links lie between the pattern's streams, and need no stream", async () => {
  const kit = new EngineKit();
  await kit.make(["a/2", "a/4", "b"]);
  await kit.subscribe("s", { streams: ["0", "a/1", "a/3", "a/4", "b", "z"] });
  for (const limit of [1, 2, 3, 100]) {
    deepEqual((await kit.pages("s", limit)).flat(), ["0", "a/1", "a/2", "a/3", "a/4", "b", "z"]);
  }
});

Deno.test("link list: of very many streams that don't match a page looks at a part, and goes on behind it", async () => {
  const kit = new EngineKit();
  const others = Array.from({ length: 6500 }, (_, i) => `a/${String(i).padStart(4, "0")}`);
  await kit.make([...others, "a/0001/end", "a/5000/end"]);
  await kit.subscribe("s", { pattern: "a/*/end", streams: ["a/3", "zz"] });
  const pages = await kit.pages("s", 100);
  deepEqual(pages.flat(), ["a/0001/end", "a/3", "a/5000/end", "zz"]);
  ok(pages.length >= 3, "no page looks at all of them");
});

Deno.test("link list: streams that are gone, softly deleted or over aren't listed", async () => {
  const kit = new EngineKit();
  await kit.make(["a/deleted", "a/there", "a/soft"], "x");
  await kit.storage.create("a/ttl", { lifetime: { kind: "ttl", ttlSeconds: 1 } });
  await kit.storage.create("fork", { fork: { source: "a/soft" } });
  await kit.subscribe("s");
  await kit.storage.delete("a/deleted");
  await kit.storage.delete("a/soft");
  kit.clock.advance(1000);
  deepEqual((await kit.pages("s", 100)).flat(), ["a/there"]);
});

Deno.test("link list: an offset is what was acknowledged, the tail where nothing is pending", async () => {
  const kit = new EngineKit();
  await kit.make(["a/old", "a/pending"], "abc");
  await kit.subscribe("s");
  await kit.append("a/pending", "de");
  await kit.make(["a/new"], "abc");
  const { links } = await kit.store.links("s", undefined, 10);
  deepEqual(links.map(({ ackedOffset }) => Number(ackedOffset.slice(-16))), [-1, 3, 3]);
});

Deno.test("link list: whatever the names and patterns, pages come to all that match, in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(names.filter((name) => !name.startsWith("/")), { maxLength: 12 }),
      patternTexts,
      fc.uniqueArray(names, { maxLength: 4 }),
      fc.integer({ min: 1, max: 5 }),
      async (streams, pattern, explicit, limit) => {
        const kit = new EngineKit();
        await kit.make(streams);
        await kit.subscribe("s", { pattern, streams: [...explicit].sort() });
        const expected = [
          ...new Set([...explicit, ...streams.filter((name) => matchesModel(pattern, name))]),
        ];
        deepEqual((await kit.pages("s", limit)).flat(), expected.sort(compareNames));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("link list: a page asked for behind a name that isn't there begins behind it", async () => {
  const kit = new EngineKit();
  await kit.make(["a/1", "a/3"]);
  await kit.subscribe("s", { streams: ["a/2"] });
  const { links, next } = await kit.store.links("s", "a/15", 10);
  deepEqual(links.map(({ path }) => path), ["a/2", "a/3"]);
  equal(next, undefined);
});
