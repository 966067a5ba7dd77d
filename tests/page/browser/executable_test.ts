import { equal, ok } from "node:assert/strict";
import { Visits } from "./support/visits.ts";

/** The executable has the page in it: the thin part of what is tried on Deno. */

const visits = new Visits({ runtime: "executable" });
const JSON_TYPE = { "content-type": "application/json" };

visits.test("the executable shows its page, its streams live, and its figures", async ({ page, open, send }) => {
  await send("a/b", { method: "PUT", headers: JSON_TYPE, body: '[{"n":"first"}]' });
  await open("/stream/a/b");
  await page.getByRole("option", { name: /first/ }).waitFor();
  await send("a/b", { method: "POST", headers: JSON_TYPE, body: '[{"n":"second"}]' });
  await page.getByRole("option", { name: /second/ }).waitFor();
  await page.getByRole("link", { name: "Server", exact: true }).click();
  await page.getByRole("img", { name: /^Memory/ }).waitFor();
});

visits.test("a browser gets the page at the root, and curl its text", async ({ page, url }) => {
  const root = new URL("/", url).href;
  await page.goto(root);
  await page.getByRole("navigation", { name: "Views" }).waitFor();
  const response = await fetch(root);
  equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
  ok((await response.text()).includes("curl"));
});
