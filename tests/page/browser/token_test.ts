import { deepEqual, equal } from "node:assert/strict";
import type { BrowserPage } from "./support/browser_page.ts";
import { TestTokens } from "./support/token_file.ts";
import { Visits } from "./support/visits.ts";

const tokens = new TestTokens();
const admin = tokens.add("admin", "read,append,create,close,delete,list,subscribe,admin **");
const reader = tokens.add("reader", "read,list public/**");
const leaver = tokens.add("leaver", "read,list,admin **");

const visits = new Visits({
  flags: () => {
    tokens.write();
    return ["--tokens", tokens.path];
  },
});

/** The browser says so of each answer with 401. */
const REFUSED = /Failed to load resource.*401/;

async function signIn(page: BrowserPage, token: string): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Continue" }).click();
}

/** In the page: everything that outlives it. */
const KEPT = `[localStorage.length, sessionStorage.length, document.cookie,
  JSON.stringify(history.state), location.href.includes("ds_")].join()`;

visits.test("the page asks for a token, and keeps it in memory only", async ({ page, open }) => {
  await open("/server");
  await page.getByRole("heading", { name: "This server asks for a token" }).waitFor();
  await signIn(page, admin);
  await page.getByRole("heading", { name: "Server", exact: true }).waitFor();
  await page.getByText("Healthy").waitFor();
  equal(await page.evaluate(KEPT), "0,0,,null,false");
  await page.reload();
  await page.getByRole("heading", { name: "This server asks for a token" }).waitFor();
});

visits.test("a token that is no good is told so, and another one is asked for", async ({ page, open, problems }) => {
  problems.allow(REFUSED);
  await open("/subscriptions");
  await signIn(page, "ds_nonsense");
  const dialog = page.getByRole("dialog", { name: "The server asks for another token" });
  await dialog.waitFor();
  await signIn(page, admin);
  await dialog.waitFor({ state: "detached" });
  await page.getByText("No subscriptions yet").waitFor();
});

visits.test("what isn't granted isn't offered", async ({ page, open, send }) => {
  const headers = { "content-type": "text/plain", authorization: `Bearer ${admin}` };
  await send("public/news", { method: "PUT", headers, body: "x" });
  await open("/streams/public/");
  await signIn(page, reader);
  await page.getByRole("link", { name: /news/ }).waitFor();
  const names = async () =>
    await page.getByRole("navigation", { name: "Views" }).getByRole("link").allTextContents();
  deepEqual((await names()).includes("Server"), false);
  equal(await page.getByRole("button", { name: "New stream" }).count(), 0);
  await page.getByRole("link", { name: /news/ }).click();
  await page.getByRole("heading", { name: /news/ }).waitFor();
  for (const name of ["Append", "Close", "Delete", "Fork"]) {
    equal(await page.getByRole("button", { name, exact: true }).count(), 0, name);
  }
});

visits.test("what was offered to one token isn't to the next one", async ({ page, open, send, problems }) => {
  problems.allow(REFUSED);
  const headers = { "content-type": "text/plain", authorization: `Bearer ${admin}` };
  await send("public/shared", { method: "PUT", headers, body: "x" });
  const brief = tokens.add("brief", "read,append,create,close,delete,list public/**");
  tokens.write();
  await open("/stream/public/shared");
  await signIn(page, admin);
  await page.getByRole("button", { name: "Append" }).waitFor();
  tokens.write({ without: "admin" });
  const dialog = page.getByRole("dialog", { name: "The server asks for another token" });
  await dialog.waitFor();
  await signIn(page, brief);
  await dialog.waitFor({ state: "detached" });
  tokens.write({ without: "brief" });
  await dialog.waitFor();
  await signIn(page, reader);
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "About" }).waitFor();
  await page.getByRole("button", { name: "Append" }).waitFor({ state: "detached" });
  equal(await page.getByRole("button", { name: "Delete", exact: true }).count(), 0);
});

visits.test("a token that is taken away is asked for anew, and what was typed stays", async ({ page, open, problems }) => {
  problems.allow(REFUSED);
  await open("/server");
  await signIn(page, leaver);
  await page.getByLabel("First stream").fill("typed before");
  tokens.write({ without: "leaver" });
  const dialog = page.getByRole("dialog", { name: "The server asks for another token" });
  await dialog.waitFor();
  await signIn(page, admin);
  await dialog.waitFor({ state: "detached" });
  equal(await page.getByLabel("First stream").inputValue(), "typed before");
  await page.getByText("Healthy").waitFor();
});
