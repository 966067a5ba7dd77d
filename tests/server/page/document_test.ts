import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import {
  PAGE_CONFIG_MARK,
  PAGE_HTML,
  PAGE_SCRIPT_HASHES,
  PAGE_STYLE_HASH,
} from "../../../src/server/page/document.ts";
import { buildPage, DOCUMENT_FILE, hashOf } from "../../../tools/build_page.ts";

/** What the page may weigh, gzipped, until it is painted first: script, style and markup. */
const LIMIT_BYTES = 60 * 1024;
/** And with what draws charts, which comes behind that. */
const WHOLE_LIMIT_BYTES = 80 * 1024;
const SCRIPT_END = "</script>";

Deno.test("the page is what its sources make: run `deno task page` after a change of src/page", async () => {
  ok(
    readFileSync(DOCUMENT_FILE, "utf8") === await buildPage(),
    "src/server/page/document.ts is old",
  );
});

Deno.test("the page weighs no more than 60 KiB gzipped until its first paint", () => {
  const main = PAGE_HTML.indexOf('<script type="module" async>');
  const first = PAGE_HTML.slice(0, PAGE_HTML.indexOf(SCRIPT_END, main) + SCRIPT_END.length);
  const weightOf = (html: string) => gzipSync(html, { level: 9 }).length;
  ok(weightOf(first) <= LIMIT_BYTES, `${weightOf(first)} bytes, more than ${LIMIT_BYTES}`);
  ok(weightOf(PAGE_HTML) <= WHOLE_LIMIT_BYTES, `${weightOf(PAGE_HTML)} bytes in all`);
});

Deno.test("the page's hashes are those of its two scripts and its one style sheet", () => {
  const scripts = [...PAGE_HTML.matchAll(/<script type="module" async>([^]*?)<\/script>/g)];
  const [, style] = /<style>([^]*?)<\/style>/.exec(PAGE_HTML) ?? [];
  deepEqual(scripts.map(([, script = ""]) => hashOf(script)), PAGE_SCRIPT_HASHES);
  equal(hashOf(style ?? ""), PAGE_STYLE_HASH);
  equal(PAGE_HTML.split(PAGE_CONFIG_MARK).length, 2);
  equal([...PAGE_HTML.matchAll(/<(?:script|style|link)\b/g)].length, 5);
});
