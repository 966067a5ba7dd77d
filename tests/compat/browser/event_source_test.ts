import { deepEqual, equal, ok } from "node:assert/strict";
import { DurableStream } from "@durable-streams/client";
import { CompatServer } from "../compat_server.ts";
import { COMPAT_TARGETS, sharedServer } from "../targets.ts";
import { type Page, Pages } from "./pages.ts";

/** The browser's own EventSource, without any library, on a page of another origin. */

/** An event as the page got it: its type and its data. */
type Event = readonly [type: string, data: string];

const pages = new Pages();

/** In the page: collects events until the stream is closed, or so many control events came. */
function collect(
  { url, controls }: { url: string; controls: number },
): Promise<{ events: Event[]; readyState: number }> {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    const events: [string, string][] = [];
    let left = controls;
    source.addEventListener("data", (event) => {
      events.push(["data", event.data]);
    });
    source.addEventListener("control", (event) => {
      events.push(["control", event.data]);
      left--;
      if (left > 0 && JSON.parse(event.data).streamClosed !== true) return;
      source.close();
      resolve({ events, readyState: source.readyState });
    });
  });
}

/** In the page: collects events until EventSource gives up by itself, and says what the data is. */
function follow({ url }: { url: string }): Promise<{ events: Event[]; readyState: number }> {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    const events: [string, string][] = [];
    for (const type of ["data", "control"]) {
      source.addEventListener(type, (event) => {
        const isShown = type === "data" || JSON.parse(event.data).streamClosed === true;
        if (isShown) events.push([type, event.data]);
        if (type === "data") console.log(event.data);
      });
    }
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        resolve({ events, readyState: source.readyState });
      }
    };
  });
}

/** Resolves once the page has asked for a URL so many times. */
function requests(page: Page, url: string, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  page.on("request", (request: { url(): string }) => {
    if (request.url() === url && ++seen === count) resolve();
  });
  return promise;
}

function dataOf(events: readonly Event[]): string[] {
  return events.filter(([type]) => type === "data").map(([, data]) => data);
}

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);
  const brief = sharedServer(target, ["--sse-close-after", "300ms"]);
  // Long enough for a keep-alive.
  const quiet = sharedServer(target, ["--sse-close-after", "8s"]);
  const make = (contentType: string, url = server.streamUrl()) =>
    DurableStream.create({ url, contentType });
  const sse = (url: string, offset = "-1") => `${url}?offset=${offset}&live=sse`;

  pages.test(`${target.name}: EventSource gets data and control events until the stream is closed`, async (page) => {
    const handle = await make("application/json");
    await handle.append('{"n":1}');
    const request = page.waitForRequest(sse(handle.url));
    const collected = page.evaluate(collect, { url: sse(handle.url), controls: Infinity });
    await request;
    await handle.append('{"n":2}');
    const { finalOffset } = await handle.close({ body: '{"n":3}' });
    const { events, readyState }: { events: Event[]; readyState: number } = await collected;
    deepEqual(dataOf(events).flatMap((data) => JSON.parse(data)), [{ n: 1 }, { n: 2 }, { n: 3 }]);
    deepEqual(JSON.parse(events.at(-1)?.[1] ?? ""), {
      streamNextOffset: finalOffset,
      upToDate: true,
      streamClosed: true,
    });
    ok(events.every(([type], i) => type !== "data" || events[i + 1]?.[0] === "control"));
    equal(readyState, 2);
  });

  pages.test(`${target.name}: EventSource gets text with its lines, whatever they look like`, async (page) => {
    const handle = await make("text/plain");
    const text = " wörld 🌍\n\ndata: x\n: no comment\nid: 7\n";
    await handle.append(text);
    await handle.close();
    const { events } = await page.evaluate(collect, { url: sse(handle.url), controls: Infinity });
    deepEqual(dataOf(events), [text]);
  });

  pages.test(`${target.name}: EventSource gets bytes as base64`, async (page) => {
    const handle = await make("application/octet-stream");
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    await handle.append(every);
    await handle.close();
    const { events } = await page.evaluate(collect, { url: sse(handle.url), controls: Infinity });
    const bytes = dataOf(events).flatMap((data) => [...Uint8Array.fromBase64(data)]);
    deepEqual(bytes, [...every]);
  });

  pages.test(`${target.name}: what the server ends is opened again by EventSource, where it was, after a keep-alive`, async (page) => {
    const handle = await make("application/json", quiet.streamUrl());
    const reopened = requests(page, sse(handle.url), 2);
    await handle.append("1");
    const followed = page.evaluate(follow, { url: sse(handle.url) });
    await reopened;
    await handle.append("2");
    await handle.close();
    deepEqual(dataOf((await followed).events), ["[1]", "[2]"]);
  });

  pages.test(`${target.name}: EventSource of now misses nothing that comes while it is away`, async (page) => {
    const handle = await make("application/json", brief.streamUrl());
    const url = sse(handle.url, "now");
    await handle.append('"old"');
    const ended = page.waitForEvent("requestfinished");
    const followed = page.evaluate(follow, { url });
    await ended;
    await handle.append("1");
    await handle.close();
    deepEqual(dataOf((await followed).events), ["[1]"]);
  });

  pages.test(`${target.name}: a closed stream comes once, and EventSource stops by itself`, async (page) => {
    const handle = await make("application/json");
    await handle.append("1");
    await handle.close();
    let requests = 0;
    page.on("request", () => requests++);
    const { events, readyState }: { events: Event[]; readyState: number } = await page.evaluate(
      follow,
      { url: sse(handle.url) },
    );
    deepEqual(events.map(([type]) => type), ["data", "control"]);
    equal(JSON.parse(events[1]?.[1] ?? "").streamClosed, true);
    deepEqual([readyState, requests], [2, 2]);
  });

  pages.test(`${target.name}: EventSource gets each message once through kills of the server`, async (page) => {
    await using mortal = await CompatServer.start(await target.command());
    const handle = await make("application/json", mortal.streamUrl());
    const url = sse(handle.url);
    const followed = page.evaluate(follow, { url });
    for (let n = 0; n < 2; n++) {
      const told = page.waitForEvent(
        "console",
        (message: { text(): string }) => message.text() === `[${n}]`,
      );
      await handle.append(String(n));
      await told;
      await mortal.kill();
      await mortal.start();
    }
    await handle.append("2");
    await handle.close();
    deepEqual(dataOf((await followed).events), ["[0]", "[1]", "[2]"]);
  });

  pages.test(`${target.name}: a page that opens the next EventSource at the last offset sees each once`, async (page) => {
    const handle = await make("application/json", brief.streamUrl());
    await handle.append("0");
    const told = Promise.withResolvers<void>();
    let opened = 0;
    page.on("request", () => ++opened === 3 && told.resolve());
    const followed = page.evaluate(
      (stream: string): Promise<unknown[]> =>
        new Promise((resolve) => {
          const items: unknown[] = [];
          const open = (offset: string) => {
            const source = new EventSource(`${stream}?offset=${offset}&live=sse`);
            let next = offset;
            source.addEventListener("data", (event) => {
              items.push(...JSON.parse(event.data));
            });
            source.addEventListener("control", (event) => {
              const control = JSON.parse(event.data);
              next = control.streamNextOffset;
              if (control.streamClosed !== true) return;
              source.close();
              resolve(items);
            });
            source.onerror = () => {
              source.close();
              open(next);
            };
          };
          open("-1");
        }),
      handle.url,
    );
    await told.promise;
    await handle.append("1");
    await handle.close();
    deepEqual(await followed, [0, 1]);
  });

  pages.test(`${target.name}: EventSource gives up on a stream that isn't there`, async (page) => {
    const readyState = await page.evaluate(
      (url: string): Promise<number> =>
        new Promise((resolve) => {
          const source = new EventSource(url);
          source.onerror = () => resolve(source.readyState);
        }),
      sse(server.streamUrl()),
    );
    equal(readyState, 2);
  });
}
