import { equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { DEMO_HTML } from "../../src/demo/document.ts";
import { buildDemo, DEMO_FILE } from "../../tools/build_demo.ts";

/** What the demo's page may weigh, gzipped: the AI SDK is most of it. */
const LIMIT_BYTES = 100 * 1024;

Deno.test("the demo's page is what its sources make: run `deno task demo:page` after a change of examples/chat or src/ai", async () => {
  ok(readFileSync(DEMO_FILE, "utf8") === await buildDemo(), "src/demo/document.ts is old");
});

Deno.test("the demo's page weighs no more than 100 KiB gzipped, and has one script", () => {
  const weight = gzipSync(DEMO_HTML, { level: 9 }).length;
  ok(weight <= LIMIT_BYTES, `${weight} bytes, more than ${LIMIT_BYTES}`);
  equal(DEMO_HTML.split("</script>").length, 3);
});
