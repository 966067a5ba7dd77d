import { deepEqual, equal, match } from "node:assert/strict";
import { PHONE } from "./support/screen.ts";
import { Visits } from "./support/visits.ts";

const empty = new Visits();
const TEXT = { "content-type": "text/plain" };

empty.test("no streams: the request that makes the first, and a demo that shows what they are for", async ({ page, open, url }) => {
  await open();
  await page.getByRole("heading", { name: "No streams yet" }).waitFor();
  match(
    await page.getByLabel("Command").first().innerText(),
    /^curl -X PUT .*\/v1\/stream\/hello'$/,
  );
  await page.getByRole("button", { name: "Start the demo" }).click();
  await page.getByText("You are watching a durable stream.").waitFor();
  match(page.url(), /#\/stream\/demo\/tokens-/);
  const name = decodeURIComponent(page.url().replace(/^.*#\/stream\//, ""));
  // Another reader has the words, too.
  const answer = await fetch(`${url}/${name}?offset=-1`);
  match(await answer.text(), /^You are watching/);
});

empty.test("the page hears of a stream that somebody else makes", async ({ page, open, send }) => {
  await open("/streams/heard/");
  await page.getByRole("heading", { name: "Nothing here" }).waitFor();
  await send("heard/of", { method: "PUT", headers: TEXT });
  await page.getByRole("link", { name: "of text/plain" }).waitFor();
});

const visits = new Visits();
const NAMES = ["orders/2030/eu", "orders/2030/us", "orders/notes", "logs/build", "Größe"];

for (const screen of [undefined, PHONE]) {
  visits.test(
    "streams are a tree by their slashes, with what is to know of each",
    async ({ page, open, send }) => {
      for (const name of NAMES) await send(name, { method: "PUT", headers: TEXT, body: "x" });
      await open();
      await page.getByRole("link", { name: "orders/ Folder" }).click();
      match(page.url(), /#\/streams\/orders\/$/);
      await page.getByRole("link", { name: /^notes text\/plain 1 B .*Open$/ }).waitFor();
      await page.getByRole("link", { name: "2030/ Folder" }).click();
      await page.getByRole("link", { name: /^eu text\/plain/ }).click();
      match(page.url(), /#\/stream\/orders\/2030\/eu$/);
      await page.getByRole("link", { name: "2030", exact: true }).click();
      match(page.url(), /#\/streams\/orders\/2030\/$/);
      await page.getByRole("link", { name: /^us/ }).waitFor();
    },
    screen && { screen },
  );
}

visits.test("streams are found as one types, by any part of their names, and the address leads back", async ({ page, open, send }) => {
  for (const name of NAMES) await send(name, { method: "PUT", headers: TEXT, body: "x" });
  await open();
  await page.keyboard.press("/");
  await page.keyboard.type("BUILD");
  const rows = page.getByRole("region", { name: "Streams" }).getByRole("link");
  await page.getByRole("link", { name: /^logs\/build/ }).waitFor();
  equal(await rows.count(), 1);
  match(page.url(), /#\/streams\/\?q=BUILD$/);
  await page.reload();
  await page.getByRole("link", { name: /^logs\/build/ }).waitFor();
  equal(await page.getByLabel("Find streams").inputValue(), "BUILD");
  await page.getByLabel("Find streams").fill("nowhere");
  await page.getByRole("heading", { name: "No stream has that in its name" }).waitFor();
});

visits.test("Enter in the search opens the stream of that name, however quickly it is pressed", async ({ page, open, send }) => {
  for (const name of ["shops/70", "shops/7", "shops/71"]) {
    await send(name, { method: "PUT", headers: TEXT, body: "x" });
  }
  for (const [typed, opened] of [["7", "shops/7"], ["s/71", "shops/71"]]) {
    await open("/streams/");
    await page.getByLabel("Find streams").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type(`${typed}`);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Append" }).waitFor();
    match(page.url(), new RegExp(`#/stream/${opened}$`));
  }
});

visits.test("keys move through the rows, open one, and go from view to view", async ({ page, open, send }) => {
  for (const name of ["keys/a", "keys/b", "keys/c"]) {
    await send(name, { method: "PUT", headers: TEXT, body: "x" });
  }
  await open("/streams/keys/");
  await page.getByRole("link", { name: /^a text/ }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.waitForURL(/#\/stream\/keys\/b$/);
  await page.keyboard.press("g");
  await page.keyboard.press("u");
  await page.waitForURL(/#\/subscriptions$/);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  equal(await page.getByRole("dialog").count(), 0);
});

visits.test("pinned streams and those that were looked at come first, also after a reload", async ({ page, open, send }) => {
  for (const name of ["pins/a", "pins/b"]) {
    await send(name, { method: "PUT", headers: TEXT, body: "x" });
  }
  await open("/stream/pins/a");
  await page.getByRole("button", { name: "Pin" }).click();
  await open("/stream/pins/b");
  await page.getByText("Live", { exact: true }).waitFor();
  await open();
  const names = async (title: string) =>
    await page.getByRole("region", { name: title }).getByRole("link").allInnerTexts();
  await page.getByRole("region", { name: "Recent" }).waitFor();
  deepEqual([await names("Pinned"), await names("Recent")], [["pins/a"], ["pins/b"]]);
});

visits.test("a folder of more streams than a page shows the rest when asked", async ({ page, open, send }) => {
  for (let n = 100; n < 230; n++) await send(`many/${n}`, { method: "PUT", headers: TEXT });
  await open("/streams/many/");
  const rows = page.getByRole("region", { name: "Streams" }).getByRole("link");
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByRole("link", { name: /^229/ }).waitFor();
  equal(await rows.count(), 130);
  equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
});
