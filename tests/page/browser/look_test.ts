import { equal, match, ok } from "node:assert/strict";
import { PHONE } from "./support/screen.ts";
import { type Visit, Visits } from "./support/visits.ts";

const visits = new Visits();
const JSON_TYPE = { "content-type": "application/json" };
const TEXT = { "content-type": "text/plain" };

/** A stream of so many small JSON messages. */
async function makeNumbers({ send }: Visit, name: string, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, n) => ({ n, even: n % 2 === 0 }));
  await send(name, { method: "PUT", headers: JSON_TYPE, body: JSON.stringify(messages) });
}

for (const screen of [undefined, PHONE]) {
  visits.test("a JSON stream is shown live, and a message of it as a tree", async (visit) => {
    const { page, open, send } = visit;
    const name = screen === undefined ? "live" : "live on a phone";
    await makeNumbers(visit, name, 50);
    await open(`/stream/${encodeURIComponent(name)}`);
    await page.getByRole("option", { name: `{"n":49,"even":false}` }).waitFor();
    await send(name, {
      method: "POST",
      headers: JSON_TYPE,
      body: `{"big":12345678901234567890,"deep":{"list":[1,{"x":"ä"}]}}`,
    });
    await page.getByRole("option", { name: `{"big":` }).click();
    const side = page.getByRole("complementary", { name: "Message" });
    // To the last digit, which a parsed number would not have.
    await side.getByText("12345678901234567890").waitFor();
    await side.getByText(`"ä"`).waitFor();
    await page.keyboard.press("Escape");
    equal(await side.count(), 0);
  }, screen && { screen });
}

visits.test("pause keeps the view where it is while messages come, follow goes to the end", async (visit) => {
  const { page, open, send } = visit;
  await makeNumbers(visit, "pausing", 200);
  await open("/stream/pausing");
  await page.getByRole("option", { name: `"n":199,` }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await send("pausing", { method: "POST", headers: JSON_TYPE, body: `[${"{},".repeat(99)}{}]` });
  await page.getByText("300 arrived").waitFor();
  ok(await page.getByRole("option", { name: `"n":199,` }).isVisible());
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByRole("option", { name: "{}" }).first().waitFor();
  equal(await page.getByRole("option", { name: `"n":199,` }).count(), 0);
});

visits.test("the address leads back to the message that was chosen, how it is shown, and what filters", async (visit) => {
  const { page, open } = visit;
  await makeNumbers(visit, "back", 300);
  await open("/stream/back?filter=even%20%3D%3D%20true");
  await page.getByText("150 of 300 match").waitFor();
  await page.getByRole("option", { name: `"n":290,` }).click();
  await page.getByRole("button", { name: "Hex" }).click();
  await page.getByText("000000  7b 22 6e 22").waitFor();
  await page.reload();
  await page.getByText(/^5 of 10 match/).waitFor();
  const first = page.getByRole("option").first();
  match(await first.innerText(), /7b 22 6e 22 3a 32 39 30/);
  equal(await page.getByLabel("Filter by a JSON path").inputValue(), "even == true");
});

visits.test("one jumps to the start, an offset and a time; older messages come as one scrolls up", async (visit) => {
  const { page, open } = visit;
  await makeNumbers(visit, "jumps", 20_000);
  await open("/stream/jumps");
  await page.getByRole("option", { name: `"n":19999,` }).waitFor();
  const list = page.getByRole("listbox", { name: "Messages" });
  const loaded = await page.getByText(/loaded,/).innerText();
  await list.evaluate((element: Element) => element.scrollTop = 0);
  await page.getByText(/loaded,/).filter({ hasNotText: loaded }).waitFor();
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("option", { name: `{"n":0,` }).click();
  const offset = await page.getByText(/^\w{8}-\d{16}$/).last().innerText();
  await page.getByRole("button", { name: "Close", exact: true }).last().click();
  await page.getByLabel("Offset or time").fill(offset);
  await page.getByRole("button", { name: "Go" }).click();
  await page.getByRole("option").first().filter({ hasText: `{"n":1,` }).waitFor();
  await page.getByLabel("Offset or time").fill("2040-01-01 12:00");
  await page.getByRole("button", { name: "Go" }).click();
  await page.getByText("0 loaded").waitFor();
  await page.getByLabel("Offset or time").fill("somewhere");
  await page.getByRole("button", { name: "Go" }).click();
  await page.getByText("Write an offset, or a time").waitFor();
});

visits.test("whoever goes elsewhere sees that place first, whatever was seen before", async (visit) => {
  const { page, open } = visit;
  await makeNumbers(visit, "elsewhere", 20_000);
  await open("/stream/elsewhere");
  await page.getByRole("option", { name: `"n":19990,` }).click();
  const held = page.getByText("Paused: reads on as you scroll");
  await page.getByRole("button", { name: "Start" }).click();
  await held.waitFor();
  match(await page.getByRole("option").first().innerText(), /\{"n":0,/);
  const offset = new URL(page.url()).hash.replace(/.*offset=/, "");
  equal(offset, "-1");
});

visits.test("a view far from the end reads no more than it shows, and on as one scrolls", async (visit) => {
  const { page, open, send } = visit;
  const messages = Array.from({ length: 30_000 }, (_, n) => ({ n, pad: "x".repeat(100) }));
  await send("far", { method: "PUT", headers: JSON_TYPE, body: JSON.stringify(messages) });
  await open("/stream/far?offset=-1");
  await page.getByText("Paused: reads on as you scroll").waitFor();
  const list = page.getByRole("listbox", { name: "Messages" });
  const rows = async () =>
    Number(await list.getByRole("option").last().getAttribute("aria-posinset"));
  ok(await rows() < 100);
  const before = await page.getByText(/loaded,/).innerText();
  await list.evaluate((element: Element) => element.scrollTop = element.scrollHeight);
  await page.getByText(/loaded,/).filter({ hasNotText: before }).waitFor();
  await page.keyboard.press("End");
  await page.getByRole("option", { name: `"n":29999,` }).waitFor();
});

visits.test("what is searched for is marked, counted and gone through", async (visit) => {
  const { page, open } = visit;
  await makeNumbers(visit, "search", 300);
  await open("/stream/search");
  await page.getByRole("option", { name: `"n":299,` }).waitFor();
  await page.getByLabel("Search the loaded messages").fill(`"N":1`);
  await page.getByText("111 found").waitFor();
  await page.getByLabel("Search the loaded messages").press("Shift+Enter");
  await page.getByRole("option", { name: `"n":199,`, selected: true }).waitFor();
  equal(await page.locator("mark").first().innerText(), `"n":1`);
  await page.getByLabel("Search the loaded messages").press("Enter");
  await page.getByRole("option", { name: `"n":1,`, selected: true }).waitFor();
});

visits.test("a filter that can't be read says why", async (visit) => {
  const { page, open } = visit;
  await makeNumbers(visit, "unread", 3);
  await open("/stream/unread");
  await page.getByLabel("Filter by a JSON path").fill("n = ");
  await page.getByText("A value is missing behind the operator.").waitFor();
  await page.getByLabel("Filter by a JSON path").fill("n >= 1");
  await page.getByText("2 of 3 match").waitFor();
});

visits.test("a message, its offset, a curl and a program are copied", async (visit) => {
  const { page, open } = visit;
  await makeNumbers(visit, "copy", 3);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await open("/stream/copy");
  await page.getByRole("option", { name: `"n":2,` }).click();
  const copied = async (label: string): Promise<string> => {
    await page.getByRole("button", { name: label }).click();
    await page.getByText("Copied").waitFor();
    await page.getByText("Copied").waitFor({ state: "detached" });
    return await page.evaluate("navigator.clipboard.readText()");
  };
  equal(await copied("Copy message"), `{"n":2,"even":true}`);
  const offset = await copied("Copy offset");
  match(offset, /^\w{8}-0*43$/);
  match(
    await copied("Copy curl"),
    new RegExp(`^curl -N 'http.*/copy\\?offset=${offset}&live=sse'$`),
  );
  match(
    await copied("Copy client code"),
    new RegExp(`reader\\("copy", \\{ offset: "${offset}" \\}`),
  );
});

visits.test("text runs on as it comes, and bytes are shown in hexadecimal", async ({ page, open, send }) => {
  await send("words", { method: "PUT", headers: TEXT });
  await open("/stream/words");
  await page.getByText("Live", { exact: true }).waitFor();
  for (const body of ["Once ", "upon ", "a time\nthere was ☃\n"]) {
    await send("words", { method: "POST", headers: TEXT, body });
  }
  const flow = page.getByRole("log", { name: "Text" });
  await flow.getByText("☃").waitFor();
  match(await flow.innerText(), /^Once upon a time\nthere was ☃/);
  await send("bytes", { method: "PUT", body: new Uint8Array([0, 1, 254, 255]) });
  await open("/stream/bytes");
  await page.getByRole("option", { name: "00 01 fe ff" }).waitFor();
});

/** In the page: the line of text at the top of what can be seen, and where it stands. */
const TOP_LINE = `(() => {
  const box = document.querySelector(".text-flow").getBoundingClientRect();
  const range = document.caretRangeFromPoint(box.left + 60, box.top + 100);
  const at = range.getBoundingClientRect().top - box.top;
  const { data } = range.startContainer;
  const start = data.lastIndexOf("\\n", range.startOffset - 1) + 1;
  return data.slice(start, data.indexOf("\\n", start)) + " at " + Math.round(at);
})()`;

visits.test("a long text holds still where one reads it, whatever comes and is loaded", async ({ page, open, send }) => {
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => `line ${from + n} ${"and on ".repeat(n % 40)}\n`)
      .join("");
  const append = (from: number, to: number) =>
    send("long", { method: "POST", headers: TEXT, body: lines(from, to) });
  await send("long", { method: "PUT", headers: TEXT, body: lines(0, 10_000) });
  await open("/stream/long");
  const flow = page.getByRole("log", { name: "Text" });
  await flow.getByText("line 9999 ").waitFor();
  // Upwards, until what comes before has been loaded.
  const loaded = await page.getByText(/loaded,/).innerText();
  await flow.hover();
  while (await page.getByText(loaded).count() > 0) {
    await page.mouse.wheel(0, -3_000);
    await page.waitForTimeout(30);
  }
  await flow.evaluate((element: Element) => element.scrollTop += 700);
  await page.getByText("Live, paused here").waitFor();
  const seen = String(await page.evaluate(TOP_LINE));
  match(seen, /^line \d+ .* at \d+$/);
  const arrived = Number((await page.getByText(/ arrived$/).innerText()).replace(/\D/g, ""));
  await append(10_000, 11_500);
  await page.getByText(`${(arrived + 1_500).toLocaleString("en")} arrived`).waitFor();
  equal(await page.evaluate(TOP_LINE), seen);
  await page.getByRole("button", { name: "Load earlier" }).click();
  await page.getByRole("button", { name: "Load earlier" }).and(page.locator(":enabled")).waitFor();
  equal(await page.evaluate(TOP_LINE), seen);
  ok(await flow.locator(".text-block").count() < 40);
  await page.getByRole("button", { name: "Start" }).click();
  await flow.getByText(/^line 0 /).waitFor();
  const start = String(await page.evaluate(TOP_LINE));
  match(start, /^line \d /);
  await append(11_500, 13_000);
  await page.getByText("Paused: reads on as you scroll").waitFor();
  equal(await page.evaluate(TOP_LINE), start);
  await page.getByRole("button", { name: "Follow" }).click();
  await flow.getByText("line 12999 ").waitFor();
});

visits.test("an image is shown as one, SVG and HTML are not", async ({ page, open, send }) => {
  const dot =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAfbLI3wAAAABJRU5ErkJggg==";
  await send("dot", {
    method: "PUT",
    headers: { "content-type": "image/png" },
    body: Uint8Array.from(atob(dot), (character) => character.charCodeAt(0)),
  });
  await open("/stream/dot");
  const image = page.getByRole("img", { name: /^The stream as an image/ });
  await image.waitFor();
  equal(
    await image.evaluate((element: Element) => element.getAttribute("src")?.slice(0, 5)),
    "blob:",
  );
  await send("svg", {
    method: "PUT",
    headers: { "content-type": "image/svg+xml" },
    body: `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
  });
  await open("/stream/svg");
  await page.getByRole("option").waitFor();
  equal(await page.getByRole("img").count(), 0);
});

visits.test("an address that asks for an image of what is none shows its messages", async (visit) => {
  const { page, open } = visit;
  await makeNumbers(visit, "no image", 3);
  await open("/stream/no%20image?view=media");
  await page.getByRole("option", { name: `"n":2,` }).waitFor();
});

visits.test("producers, forks that can be walked, Stream-Seq and what is left of the time are told", async ({ page, open, send, url }) => {
  await send("tree", { method: "PUT", headers: { ...JSON_TYPE, "stream-ttl": "7200" } });
  const producer = { "producer-id": "worker-1", "producer-epoch": "3", "producer-seq": "0" };
  await send("tree", { method: "POST", headers: { ...JSON_TYPE, ...producer }, body: "1" });
  await send("tree", {
    method: "POST",
    headers: { ...JSON_TYPE, "stream-seq": "s-17" },
    body: "2",
  });
  const path = new URL(url).pathname;
  await send("tree-fork", { method: "PUT", headers: { "stream-forked-from": `${path}/tree` } });
  await open("/stream/tree?tab=about");
  const side = page.getByRole("complementary", { name: "About the stream" });
  await side.getByRole("row", { name: "worker-1 3 0" }).waitFor();
  await side.getByText("s-17").waitFor();
  await side.getByText("2 h after its last use").waitFor();
  await side.getByRole("link", { name: "tree-fork" }).click();
  await page.waitForURL(/#\/stream\/tree-fork\?tab=about$/);
  await side.getByRole("link", { name: "tree", exact: true }).waitFor();
});

visits.test("the time that a stream has left counts down", async ({ page, open, send }) => {
  const expiresAt = new Date(Date.now() + 7_200_000).toISOString();
  await send("timed", { method: "PUT", headers: { ...TEXT, "stream-expires-at": expiresAt } });
  await open("/stream/timed");
  const left = await page.getByText(/^01:59:\d\d$/).innerText();
  await page.getByText(/^01:59:\d\d$/).filter({ hasNotText: left }).waitFor();
});

visits.test("a stream that isn't there, and one that was made again, say so", async ({ page, open, send, problems }) => {
  problems.allow(/status of (404|410)/);
  await open("/stream/never");
  await page.getByRole("heading", { name: "There is no stream of this name" }).waitFor();
  await send("again", { method: "PUT", headers: JSON_TYPE, body: "[1]" });
  const old = (await send("again", { method: "HEAD" })).headers.get("stream-next-offset");
  await send("again", { method: "DELETE" });
  await send("again", { method: "PUT", headers: JSON_TYPE, body: "[2]" });
  await open(`/stream/again?offset=${old}`);
  await page.getByRole("heading", { name: "This place is gone" }).waitFor();
  await page.getByRole("button", { name: "Read from the start" }).click();
  await page.getByRole("option", { name: "2" }).waitFor();
});

visits.test("a closed stream says that this is all", async ({ page, open, send }) => {
  const headers = { ...TEXT, "stream-closed": "true" };
  await send("over", { method: "PUT", headers, body: "the end\n" });
  await open("/stream/over");
  await page.getByText("Closed: that is all").waitFor();
  equal(await page.getByRole("button", { name: "Append" }).count(), 0);
});
