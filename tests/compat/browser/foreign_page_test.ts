/// <reference lib="dom" />
import { deepEqual, equal, match } from "node:assert/strict";
import { COMPAT_TARGETS, sharedServer } from "../targets.ts";
import { Pages } from "./pages.ts";

/** A page of the internet in the browser of someone who runs a server: what it can read, and break. */

const pages = new Pages();

/** In the page: everything that pages can send without being asked; what came back of it. */
async function attack({ url, health }: { url: string; health: string }): Promise<string[]> {
  const told: string[] = [];
  const tell = async (name: string, asked: Promise<Response>) => {
    const outcome = await asked.then((answer) => answer.type, () => "failed");
    told.push(`${name}: ${outcome}`);
  };
  const text = { "content-type": "text/plain" };
  await tell("GET", fetch(url));
  await tell("health", fetch(health));
  await tell("POST", fetch(url, { method: "POST", headers: text, body: "!" }));
  await tell("DELETE", fetch(url, { method: "DELETE" }));
  await tell("PUT", fetch(`${url}-new`, { method: "PUT" }));
  await tell("blind POST", fetch(url, { mode: "no-cors", method: "POST", body: "!" }));
  navigator.sendBeacon(url, "!");
  await new Promise((resolve) => {
    const source = new EventSource(`${url}?offset=-1&live=sse`);
    source.onerror = () => resolve(source.close());
    source.addEventListener("control", () => resolve(told.push("EventSource: open")));
  });
  await new Promise((resolve) => {
    const script = document.createElement("script");
    script.onerror = () => resolve(undefined);
    script.onload = () => resolve(told.push("script: loaded"));
    script.src = url;
    document.head.append(script);
  });
  const form = document.createElement("form");
  const frame = document.createElement("iframe");
  frame.name = "frame";
  const done = new Promise((resolve) => frame.onload = resolve);
  Object.assign(form, { action: url, method: "post", enctype: "text/plain", target: "frame" });
  document.documentElement.append(frame, form);
  form.submit();
  await done;
  return told;
}

function foreign(url: string): string {
  return url.replace("127.0.0.1", "evil.example");
}

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);
  const open = sharedServer(target, ["--cors", "*"]);
  const text = { "content-type": "text/plain" };
  const place = (url: string) => ({ url, health: new URL("/health", url).href });

  pages.test(`${target.name}: a page of another site reads nothing and changes nothing`, async (page) => {
    const url = server.streamUrl();
    await fetch(url, { method: "PUT", headers: text, body: "hello" });
    await page.goto(foreign(page.url()));
    deepEqual(await page.evaluate(attack, place(url)), [
      "GET: failed",
      "health: failed",
      "POST: failed",
      "DELETE: failed",
      "PUT: failed",
      // It is sent without being asked for, and refused all the same.
      "blind POST: failed",
    ]);
    equal(await (await fetch(url)).text(), "hello");
    equal((await fetch(`${url}-new`, { method: "HEAD" })).status, 404);
  });

  pages.test(`${target.name}: where all pages are let in it does, but for the health`, async (page) => {
    const url = open.streamUrl();
    await fetch(url, { method: "PUT", headers: text, body: "hello" });
    await page.goto(foreign(page.url()));
    const told = await page.evaluate(attack, place(url));
    deepEqual(told.slice(0, 4), ["GET: cors", "health: failed", "POST: cors", "DELETE: cors"]);
  });

  pages.test(`${target.name}: a site whose name leads to this machine gets nothing of the server`, async (page) => {
    const url = server.streamUrl();
    await fetch(url, { method: "PUT", headers: text, body: "hello" });
    const answer = await page.goto(foreign(url));
    equal(answer?.status(), 421);
    match(await answer?.text() ?? "", /--allow-host evil\.example takes it/);
    const own = new URL(foreign(url)).pathname;
    const statuses = await page.evaluate(
      async (path: string) => [
        (await fetch(path)).status,
        (await fetch(path, { method: "DELETE" })).status,
        (await fetch("/health")).status,
      ],
      own,
    );
    deepEqual(statuses, [421, 421, 421]);
    equal(await (await fetch(url)).text(), "hello");
  });
}
