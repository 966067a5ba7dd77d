import { equal, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Client } from "../../../src/client/client.ts";
import { serveApp } from "../../../src/demo/serve_app.ts";
import { BUN } from "../../tools/install.ts";
import { inRepo } from "../../tools/repo.ts";
import { until } from "../../support/until.ts";
import { demoTests } from "./browser_kit.ts";

const test = demoTests();
const WHOLE = /^You said "hi"\..*That is all I know\.$/;

/** The page in one script, with React itself. */
function bundle(): string {
  const define = `process.env.NODE_ENV="development"`;
  const args = ["build", "--target=browser", "--format=esm", "--define", define, "strict_page.js"];
  const { status, stdout, stderr } = spawnSync(BUN, args, {
    cwd: inRepo("tests/compat/chat"),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  equal(status, 0, stderr);
  return stdout.replaceAll("</script", "<\\/script");
}

interface Asked {
  url(): string;
}

test("StrictMode, two hooks, an unmount and three resumes leave one answer and no connection", async ({ demo, context }) => {
  const chat = crypto.randomUUID();
  const config = JSON.stringify({ streams: demo.server.url, chat });
  const html = `<!doctype html><body><div id="app"></div>` +
    `<script type="application/json" id="config">${config}</script>` +
    `<script type="module">${bundle()}</script>`;
  const page = await context.newPage();
  const live = new Set<Asked>();
  const isLive = (request: Asked) => request.url().includes("live=");
  page.on("request", (request: Asked) => isLive(request) && live.add(request));
  page.on("requestfailed", (request: Asked) => live.delete(request));
  page.on("requestfinished", (request: Asked) => live.delete(request));
  const errors: string[] = [];
  page.on("pageerror", (error: Error) => errors.push(error.message));
  // Not fulfilled by the browser's debugger: of such a page Chromium asks who may reach this machine.
  const app = await serveApp(async (request) => {
    if (request.method === "GET") {
      return new Response(html, { headers: { "content-type": "text/html" } });
    }
    const { pathname } = new URL(request.url);
    const headers = { "content-type": "application/json" };
    const body = await request.text();
    return await fetch(new URL(pathname, demo.url), { method: "POST", headers, body });
  }, 0);
  try {
    await page.goto(app.url);
    const words = (name: string, text: RegExp) =>
      page.locator(`#${name} p`).filter({ hasText: text }).waitFor();
    await page.locator("#two output").filter({ hasText: "ready" }).waitFor();

    await page.getByRole("button", { name: "send one" }).click();
    await words("one", /I am/);
    await page.getByRole("button", { name: "route" }).click();
    await until(() => live.size === 0, () => `${live.size} connections after the unmount`);
    await page.getByRole("button", { name: "route" }).click();
    // Both hooks resume, and StrictMode mounts each of them twice.
    await words("one", /I am/);
    await words("two", /I am/);
    ok(live.size <= 1, `${live.size} connections`);
    await words("one", WHOLE);
    await words("two", WHOLE);
    await until(() => live.size === 0, () => `${live.size} connections at the end`);
    equal(await page.locator("#one output").innerText(), "ready");
    equal(await page.locator("#one b").innerText(), "");
    equal(errors.join("\n"), "");
    const client = new Client(demo.server.url);
    equal((await client.reader(`chats/${chat}`).allJson()).length, 1);
  } finally {
    await page.close();
    await app.stop();
  }
});
