/**
 * Bundles `examples/chat` into the page of `durable-streams demo`, and writes it as a source:
 * `src/demo/document.ts`.
 *
 * Usage: deno task demo:page
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BUN, installTestTools } from "../tests/tools/install.ts";
import { inRepo } from "../tests/tools/repo.ts";

/** The source that the build makes. */
export const DEMO_FILE = fileURLToPath(new URL("../src/demo/document.ts", import.meta.url));

/** What stands in the document where the application puts its configuration. */
const CONFIG_MARK = "__DEMO_CONFIG__";

/** The text of `src/demo/document.ts`, made anew: the same from the same sources. */
export async function buildDemo(): Promise<string> {
  await installTestTools();
  const script = bundle();
  const style = readFileSync(inRepo("examples/chat/page.css"), "utf8").replaceAll("\n", "");
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width,initial-scale=1">` +
    `<title>A chat that survives</title><link rel="icon" href="data:,">` +
    `<style>${style}</style></head><body><div id="app"></div>` +
    `<noscript>This page needs JavaScript.</noscript>` +
    `<script type="application/json" id="config">${CONFIG_MARK}</script>` +
    `<script type="module">${script}</script></body></html>`;
  return [
    "// Made by `deno task demo:page` from examples/chat. Do not edit.",
    "",
    "/** The page, but for its configuration. */",
    `export const DEMO_HTML: string = ${JSON.stringify(html)};`,
    "",
    "/** What stands in {@link DEMO_HTML} where the configuration goes. */",
    `export const DEMO_CONFIG_MARK = ${JSON.stringify(CONFIG_MARK)};`,
    "",
  ].join("\n");
}

function bundle(): string {
  const args = [
    inRepo("tools/bundle_demo.mjs"),
    inRepo("examples/chat/page.tsx"),
    inRepo(),
    inRepo("tests"),
  ];
  const { status, stdout, stderr } = spawnSync(BUN, args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`bun can't bundle the demo's page:\n${stderr}`);
  // It would end the element that it stands in.
  return stdout.trim().replaceAll(/<\/(?=script|style)/gi, "<\\/").replaceAll("<!--", "<\\!--");
}

if (import.meta.main) {
  const source = await buildDemo();
  writeFileSync(DEMO_FILE, source);
  console.log(`${DEMO_FILE}: ${source.length} characters`);
}
