import { Buffer } from "node:buffer";
import { deepEqual, equal, match } from "node:assert/strict";
import type { BrowserPage } from "./support/browser_page.ts";
import { DESKTOP, PHONE } from "./support/screen.ts";
import { type Visit, Visits } from "./support/visits.ts";

const visits = new Visits();

const JSON_TYPE = { "content-type": "application/json" };
const TEXT_TYPE = { "content-type": "text/plain" };

/** Opens the dialog of a button, and is that dialog. */
async function dialogOf(page: BrowserPage, button: string, title = button) {
  await page.locator("main").getByRole("button", { name: button, exact: true }).first().click();
  const dialog = page.getByRole("dialog", { name: title });
  await dialog.waitFor();
  return dialog;
}

/** All that a stream holds, as text. */
async function contentOf({ streamUrl }: Visit, name: string): Promise<string> {
  return await (await fetch(`${streamUrl(name)}?offset=-1`)).text();
}

/** A test on both screens, with names of its own on each. */
function testOnBoth(name: string, run: (visit: Visit, prefix: string) => Promise<void>): void {
  for (const screen of [DESKTOP, PHONE]) {
    visits.test(name, (visit) => run(visit, `${screen.name}/`), { screen });
  }
}

visits.test("going back closes a dialog about the stream that was left", async (visit) => {
  const { page, open, send } = visit;
  await send("left/one", { method: "PUT", headers: JSON_TYPE });
  await open("/streams/left/");
  await page.getByRole("link", { name: /^one/ }).click();
  const dialog = await dialogOf(page, "Append");
  await page.goBack();
  await dialog.waitFor({ state: "hidden" });
  match(page.url(), /#\/streams\/left\/$/);
});

testOnBoth("a stream is created with its type and its time to live", async (visit, prefix) => {
  const { page, open, streamUrl } = visit;
  await open(`/streams/${prefix}`);
  const dialog = await dialogOf(page, "New stream", "Create stream");
  const name = dialog.getByLabel("Name");
  equal(await name.inputValue(), prefix);
  const create = dialog.getByRole("button", { name: "Create stream" });
  await name.fill(`${prefix}a/../b`);
  await dialog.getByText("a segment that is . or ..").waitFor();
  equal(await create.isDisabled(), true);
  await name.fill(`${prefix}orders ä`);
  await dialog.getByLabel("Content").selectOption("text/plain");
  await dialog.getByLabel("While it is used (TTL)").check();
  await dialog.getByLabel("Without reads and appends").fill("30");
  await dialog.getByLabel("Unit").selectOption("minutes");
  await create.click();
  await dialog.waitFor({ state: "detached" });
  await page.waitForURL(/#\/stream\/[a-z]+\/orders%20%C3%A4/);
  const { headers } = await fetch(streamUrl(`${prefix}orders ä`), { method: "HEAD" });
  deepEqual([headers.get("content-type"), headers.get("stream-ttl")], ["text/plain", "1800"]);
});

testOnBoth(
  "JSON is checked before it is appended, and goes out as it was typed",
  async (visit, prefix) => {
    const { page, open, send } = visit;
    const name = `${prefix}json`;
    await send(name, { method: "PUT", headers: JSON_TYPE });
    await open(`/stream/${name}`);
    const dialog = await dialogOf(page, "Append");
    const field = dialog.getByLabel("JSON");
    const append = dialog.getByRole("button", { name: "Append" });
    await field.fill('{"a": 1,\n  "b" 2}');
    await dialog.getByText(`"2" is not expected in line 2, column 7`).waitFor();
    equal(await append.isDisabled(), true);
    await field.fill('[{"n":12345678901234567890}, 2]');
    await dialog.getByText("This is 2 messages, 31 B.").waitFor();
    await field.press("Control+Enter");
    await page.getByText("Appended 2 messages, 31 B.").waitFor();
    equal(await contentOf(visit, name), '[{"n":12345678901234567890},\n2]');
  },
);

testOnBoth("text and files are appended, and the last append closes", async (visit, prefix) => {
  const { page, open, send, streamUrl } = visit;
  const name = `${prefix}text`;
  await send(name, { method: "PUT", headers: TEXT_TYPE });
  await open(`/stream/${name}`);
  let dialog = await dialogOf(page, "Append");
  await dialog.getByLabel("Text", { exact: true }).last().fill("ä <b>\n");
  await dialog.getByRole("button", { name: "Append" }).click();
  await dialog.waitFor({ state: "detached" });
  dialog = await dialogOf(page, "Append");
  await dialog.getByText("File", { exact: true }).first().click();
  await dialog.locator('input[type="file"]').setInputFiles({
    name: "x.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("file"),
  });
  await dialog.getByLabel("Close the stream with this").check();
  await dialog.getByRole("button", { name: "Append" }).click();
  await dialog.waitFor({ state: "detached" });
  equal(await contentOf(visit, name), "ä <b>\nfile");
  const { headers } = await fetch(streamUrl(name), { method: "HEAD" });
  equal(headers.get("stream-closed"), "true");
  await page.getByRole("button", { name: "Append", exact: true }).waitFor({ state: "detached" });
});

visits.test("what the server refuses is said in the dialog, and what was typed stays", async (visit) => {
  const { page, open, send, problems } = visit;
  problems.allow(/Failed to load resource.*409/);
  await send("refused", { method: "PUT", headers: TEXT_TYPE });
  await open("/stream/refused");
  const dialog = await dialogOf(page, "Append");
  await dialog.getByLabel("Text", { exact: true }).last().fill("too late");
  await send("refused", { method: "POST", headers: { ...TEXT_TYPE, "stream-closed": "true" } });
  await dialog.getByRole("button", { name: "Append" }).click();
  await dialog.getByRole("alert").filter({ hasText: "closed" }).waitFor();
  equal(await dialog.getByLabel("Text", { exact: true }).last().inputValue(), "too late");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

testOnBoth("a stream is forked at the message that is chosen", async (visit, prefix) => {
  const { page, open, send } = visit;
  const name = `${prefix}source`;
  await send(name, { method: "PUT", headers: JSON_TYPE, body: "[1,22,333]" });
  await open(`/stream/${name}`);
  await page.getByRole("option", { name: /22/ }).click();
  const dialog = await dialogOf(page, "Fork after this", "Fork stream");
  equal(await dialog.getByLabel("Name of the fork").inputValue(), `${name}-fork`);
  await dialog.getByRole("button", { name: "Make fork" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.waitForURL(/source-fork/);
  equal(await contentOf(visit, `${name}-fork`), "[1,\n22]");
});

testOnBoth("a stream is closed", async ({ page, open, send, streamUrl }, prefix) => {
  const name = `${prefix}closing`;
  await send(name, { method: "PUT", headers: TEXT_TYPE, body: "x" });
  await open(`/stream/${name}`);
  const dialog = await dialogOf(page, "Close", "Close stream");
  await dialog.getByRole("button", { name: "Close stream" }).click();
  await dialog.waitFor({ state: "detached" });
  equal((await fetch(streamUrl(name), { method: "HEAD" })).headers.get("stream-closed"), "true");
});

testOnBoth(
  "a stream is deleted once its name is typed",
  async (visit, prefix) => {
    const { page, open, send, streamUrl, problems } = visit;
    // Of the page's own live read, which the deletion ends.
    problems.allow(/Failed to load resource.*404/);
    const name = `${prefix}folder/going`;
    await send(name, { method: "PUT", headers: TEXT_TYPE, body: "x" });
    await open(`/stream/${name}`);
    const dialog = await dialogOf(page, "Delete", "Delete stream");
    const remove = dialog.getByRole("button", { name: "Delete stream" });
    await dialog.getByLabel("Type the stream's name").fill("folder/going");
    equal(await remove.isDisabled(), true);
    await dialog.getByLabel("Type the stream's name").fill(name);
    await remove.click();
    await dialog.waitFor({ state: "detached" });
    match(page.url(), /#\/streams\/[a-z]+\/folder\/$/);
    equal((await fetch(streamUrl(name), { method: "HEAD" })).status, 404);
  },
);

visits.test("a name with characters that can't be seen is typed as it is shown", async (visit) => {
  const { page, open, send, streamUrl, problems } = visit;
  problems.allow(/Failed to load resource.*404/);
  const name = "doc\u202egpj.exe";
  await send(name, { method: "PUT", headers: TEXT_TYPE, body: "x" });
  await open(`/stream/${encodeURIComponent(name)}`);
  const dialog = await dialogOf(page, "Delete", "Delete stream");
  await dialog.getByLabel("Type the stream's name").fill("docgpj.exe");
  equal(await dialog.getByRole("button", { name: "Delete stream" }).isDisabled(), true);
  await dialog.getByLabel("Type the stream's name").fill("docU+202Egpj.exe");
  await dialog.getByRole("button", { name: "Delete stream" }).click();
  await dialog.waitFor({ state: "detached" });
  equal((await fetch(streamUrl(name), { method: "HEAD" })).status, 404);
});
