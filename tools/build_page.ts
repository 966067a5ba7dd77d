/**
 * Bundles `src/page` into the one document that the server serves, and writes it as a source of the
 * server: `src/server/page/document.ts`.
 *
 * Usage: deno task page
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUN, installTestTools } from "../tests/tools/install.ts";

const PAGE = fileURLToPath(new URL("../src/page/", import.meta.url));
/** The source that the build makes. */
export const DOCUMENT_FILE = fileURLToPath(
  new URL("../src/server/page/document.ts", import.meta.url),
);

/** What stands in the document where the server puts its configuration. */
const CONFIG_MARK = "__PAGE_CONFIG__";

/** The text of `src/server/page/document.ts`, made anew: the same from the same sources. */
export async function buildPage(): Promise<string> {
  await installTestTools();
  const script = bundle(`${PAGE}main.tsx`);
  const charts = bundle(`${PAGE}charts.ts`);
  const style = bundleStyles();
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width,initial-scale=1">` +
    `<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">` +
    `<title>durable-streams</title><link rel="icon" href="data:,"><style>${style}</style></head>` +
    `<body><div id="app"></div><noscript>This page needs JavaScript.</noscript>` +
    `<script type="application/json" id="config">${CONFIG_MARK}</script>` +
    // The first one runs as soon as it is there, and not only once the second one is.
    `<script type="module" async>${script}</script>` +
    `<script type="module" async>${charts}</script></body></html>`;
  return [
    "// Made by `deno task page` from src/page. Do not edit.",
    "",
    "/** The page, but for its configuration. */",
    `export const PAGE_HTML: string = ${JSON.stringify(html)};`,
    "",
    "/** What stands in {@link PAGE_HTML} where the configuration goes. */",
    `export const PAGE_CONFIG_MARK = ${JSON.stringify(CONFIG_MARK)};`,
    "",
    "/** The hashes of its scripts, for the Content-Security-Policy. */",
    `export const PAGE_SCRIPT_HASHES: readonly string[] = ${
      JSON.stringify([script, charts].map(hashOf))
    };`,
    "",
    "/** The hash of its style sheet, for the Content-Security-Policy. */",
    `export const PAGE_STYLE_HASH = "${hashOf(style)}";`,
    "",
  ].join("\n");
}

/** The style sheets of `src/page/style`, one after the other. */
function bundleStyles(): string {
  const folder = `${PAGE}style/`;
  const names = readdirSync(folder).filter((name) => name.endsWith(".css")).sort();
  const scratch = mkdtempSync(join(tmpdir(), "durable-streams-page-"));
  try {
    const file = join(scratch, "page.css");
    writeFileSync(file, names.map((name) => readFileSync(folder + name, "utf8")).join("\n"));
    return bundle(file);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const OPTIONS = [
  "--minify",
  "--production",
  "--target=browser",
  "--format=esm",
  "--jsx-runtime=automatic",
  "--jsx-import-source=preact",
];

function bundle(entry: string): string {
  const { status, stdout, stderr } = spawnSync(BUN, ["build", ...OPTIONS, entry], {
    cwd: PAGE,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`bun can't bundle ${entry}:\n${stderr}`);
  const text = stdout.trim();
  if (/<\/(?:script|style)|<!--/i.test(text)) {
    throw new Error(`What ${entry} becomes would end the element that it stands in.`);
  }
  return text;
}

/** The source of the Content-Security-Policy that lets this text run. */
export function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

if (import.meta.main) {
  const source = await buildPage();
  writeFileSync(DOCUMENT_FILE, source);
  console.log(`${DOCUMENT_FILE}: ${source.length} characters`);
}
