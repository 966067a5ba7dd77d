import { deepEqual } from "node:assert/strict";
import { batchLinks } from "../../src/tracing/batch_links.ts";
import { LINKS_LIMIT } from "../../src/tracing/tracer.ts";
import { contextOf } from "./recording_tracer.ts";

Deno.test("a batch is linked to the requests that are recorded, and to no others", () => {
  const effects = [{}, { trace: contextOf(1) }, { trace: contextOf(2, false) }, {
    trace: contextOf(3),
  }];
  deepEqual(batchLinks(effects), { links: [contextOf(1), contextOf(3)], droppedLinks: 0 });
});

Deno.test("a batch of many requests is linked to a bounded number, and says how many more there were", () => {
  const effects = Array.from({ length: LINKS_LIMIT + 5 }, (_, i) => ({ trace: contextOf(i + 1) }));
  const { links, droppedLinks } = batchLinks(effects);
  deepEqual([links.length, droppedLinks], [LINKS_LIMIT, 5]);
});
