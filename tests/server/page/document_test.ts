import { equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import {
  PAGE_CONFIG_MARK,
  PAGE_HTML,
  PAGE_SCRIPT_HASH,
  PAGE_STYLE_HASH,
} from "../../../src/server/page/document.ts";
import { buildPage, DOCUMENT_FILE, hashOf } from "../../../tools/build_page.ts";

/** What the page may weigh, gzipped: script, style and markup. */
const LIMIT_BYTES = 60 * 1024;

Deno.test("the page is what its sources make: run `deno task page` after a change of src/page", async () => {
  ok(
    readFileSync(DOCUMENT_FILE, "utf8") === await buildPage(),
    "src/server/page/document.ts is old",
  );
});

Deno.test("the page weighs no more than 60 KiB gzipped", () => {
  const weight = gzipSync(PAGE_HTML, { level: 9 }).length;
  ok(weight <= LIMIT_BYTES, `${weight} bytes, more than ${LIMIT_BYTES}`);
});

Deno.test("the page's hashes are those of its one script and its one style sheet", () => {
  const [, script] = /<script type="module">([^]*?)<\/script>/.exec(PAGE_HTML) ?? [];
  const [, style] = /<style>([^]*?)<\/style>/.exec(PAGE_HTML) ?? [];
  equal(hashOf(script ?? ""), PAGE_SCRIPT_HASH);
  equal(hashOf(style ?? ""), PAGE_STYLE_HASH);
  equal(PAGE_HTML.split(PAGE_CONFIG_MARK).length, 2);
  equal([...PAGE_HTML.matchAll(/<(?:script|style|link)\b/g)].length, 4);
});
