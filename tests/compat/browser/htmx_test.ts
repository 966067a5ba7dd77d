import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DurableStream } from "@durable-streams/client";
import { inRepo } from "../../tools/repo.ts";
import { COMPAT_TARGETS, sharedServer } from "../targets.ts";
import { type Page, Pages } from "./pages.ts";

/** HTMX and its extension for SSE as they are: a stream's messages are pieces of HTML. */

const PACKAGES = inRepo("tests", "node_modules");
const SCRIPTS = [`${PACKAGES}/htmx.org/dist/htmx.js`, `${PACKAGES}/htmx-ext-sse/dist/sse.js`]
  .map((path) => `<script>${readFileSync(path, "utf8")}</script>`).join("");

/** As docs/COMPATIBILITY.md has it: without cookies, and not again once the stream is closed. */
const CREATE_EVENT_SOURCE = `<script>
htmx.createEventSource = (url) => {
  const source = new EventSource(url);
  source.addEventListener("control", ({ data }) => {
    if (JSON.parse(data).streamClosed) source.close();
  });
  return source;
};
</script>`;

/** Lets the test see what became of it. */
const KEEP_SOURCE = `<script>
const create = htmx.createEventSource;
htmx.createEventSource = (url) => window.source = create(url);
</script>`;

const pages = new Pages();

/** Shows a page of an origin, and nothing else of it changes. */
async function show(page: Page, origin: string, body: string): Promise<void> {
  const url = `${origin}/compat.html`;
  await page.route(
    url,
    (route: { fulfill(answer: { contentType: string; body: string }): unknown }) =>
      route.fulfill({
        contentType: "text/html; charset=utf-8",
        body: `<!doctype html><title>htmx</title>${body}`,
      }),
  );
  await page.goto(url);
}

function list(url: string): string {
  return `<div hx-ext="sse" sse-connect="${url}?offset=-1&live=sse">
<ul sse-swap="data" hx-swap="beforeend"></ul></div>`;
}

/** Resolves once the list has so many items; what they say. */
async function items(page: Page, count: number): Promise<string[]> {
  await page.waitForFunction(
    (count: number) => document.querySelectorAll("li").length >= count,
    count,
  );
  return await page.locator("li").allTextContents();
}

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);
  const brief = sharedServer(target, ["--sse-close-after", "300ms"]);
  const make = (url: string) => DurableStream.create({ url, contentType: "text/html" });

  pages.test(`${target.name}: HTMX shows what is there and what comes, on a page of the server's origin`, async (page) => {
    const handle = await make(server.streamUrl());
    await handle.append("<li>one</li>\n<li>wörld 🌍</li>");
    await show(page, new URL(server.url).origin, SCRIPTS + list(handle.url));
    deepEqual(await items(page, 2), ["one", "wörld 🌍"]);
    await handle.append("<li>three</li>");
    deepEqual(await items(page, 3), ["one", "wörld 🌍", "three"]);
  });

  pages.test(`${target.name}: HTMX shows each message once where the server ends the connection`, async (page) => {
    const handle = await make(brief.streamUrl());
    let opened = 0;
    const again = Promise.withResolvers<void>();
    page.on("request", (request: { url(): string }) => {
      if (request.url().startsWith(handle.url) && ++opened === 2) again.resolve();
    });
    await handle.append("<li>1</li>");
    await show(page, new URL(brief.url).origin, SCRIPTS + list(handle.url));
    deepEqual(await items(page, 1), ["1"]);
    await again.promise;
    await handle.append("<li>2</li>");
    deepEqual(await items(page, 2), ["1", "2"]);
  });

  pages.test(`${target.name}: HTMX on a page of another origin, until the stream is closed`, async (page) => {
    const handle = await make(server.streamUrl());
    await handle.append("<li>1</li>");
    await page.setContent(SCRIPTS + CREATE_EVENT_SOURCE + KEEP_SOURCE + list(handle.url));
    deepEqual(await items(page, 1), ["1"]);
    let requests = 0;
    page.on("request", () => requests++);
    await handle.close({ body: "<li>last</li>" });
    deepEqual(await items(page, 2), ["1", "last"]);
    // Without it the browser asks again, is told that this was all, and HTMX begins from the start.
    await page.waitForFunction("source.readyState === EventSource.CLOSED");
    equal(requests, 0);
  });
}
