import { deepEqual, equal } from "node:assert/strict";
import { OFFSET } from "../../support/offset.ts";
import { COMPAT_TARGETS, sharedServer } from "../targets.ts";
import { Pages } from "./pages.ts";

/** `fetch` on a page of another origin: what the browser lets through in each direction. */

/** A request in plain values, to go into the page. */
interface PlainRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** What the page could see of the answer. */
interface Seen {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
}

const pages = new Pages();

/** In the page. */
async function send({ url, ...init }: PlainRequest): Promise<Seen> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text };
}

const TEXT = { "content-type": "text/plain" };

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);
  const test = (
    name: string,
    run: (send: (request: PlainRequest) => Promise<Seen>) => Promise<void>,
  ) =>
    pages.test(`${target.name}: ${name}`, (page) => run((request) => page.evaluate(send, request)));

  test("a page creates, appends, reads, closes and deletes", async (send) => {
    const url = server.streamUrl();
    equal((await send({ url, method: "PUT", headers: TEXT, body: "a" })).status, 201);
    const appended = await send({ url, method: "POST", headers: TEXT, body: "b" });
    equal(appended.status, 204);
    equal(OFFSET.test(appended.headers["stream-next-offset"] ?? ""), true);
    const read = await send({ url: `${url}?offset=-1` });
    equal(read.text, "ab");
    const closing = { "stream-closed": "true" };
    const closed = await send({ url, method: "POST", headers: closing });
    equal(closed.status, 204);
    equal(closed.headers["stream-closed"], "true");
    equal((await send({ url, method: "DELETE" })).status, 204);
    equal((await send({ url, method: "HEAD" })).status, 404);
  });

  test("every header that a create may have passes the preflight", async (send) => {
    const source = server.streamUrl();
    await send({ url: source, method: "PUT", headers: TEXT, body: "source" });
    const url = server.streamUrl();
    const headers = {
      ...TEXT,
      authorization: "Bearer x",
      "stream-ttl": "3600",
      "stream-closed": "true",
      "stream-forked-from": new URL(source).pathname,
      "stream-fork-offset": "-1",
      "stream-fork-sub-offset": "1",
    };
    equal((await send({ url, method: "PUT", headers })).status, 201);
    const told = await send({ url, method: "HEAD" });
    equal(told.headers["stream-ttl"], "3600");
    equal(told.headers["stream-closed"], "true");
    const until = server.streamUrl();
    const expiry = { ...TEXT, "stream-expires-at": "2199-01-02T03:04:05Z" };
    equal((await send({ url: until, method: "PUT", headers: expiry })).status, 201);
    equal(
      Date.parse((await send({ url: until, method: "HEAD" })).headers["stream-expires-at"] ?? ""),
      Date.parse(expiry["stream-expires-at"]),
    );
  });

  test("every header that an append may have passes the preflight, and its answer is told", async (send) => {
    const url = server.streamUrl();
    const { headers: made } = await send({ url, method: "PUT", headers: TEXT });
    const headers = {
      ...TEXT,
      "stream-seq": "1",
      "stream-expected-offset": made["stream-next-offset"] ?? "",
      "producer-id": "p",
      "producer-epoch": "3",
      "producer-seq": "0",
    };
    const appended = await send({ url, method: "POST", headers, body: "x" });
    equal(appended.status, 200);
    equal(appended.headers["producer-epoch"], "3");
    equal(appended.headers["producer-seq"], "0");
    const gap = { ...TEXT, "producer-id": "p", "producer-epoch": "3", "producer-seq": "5" };
    const refused = await send({ url, method: "POST", headers: gap, body: "x" });
    equal(refused.status, 409);
    equal(refused.headers["producer-expected-seq"], "1");
    equal(refused.headers["producer-received-seq"], "5");
    const stale = { ...gap, "producer-epoch": "2", "producer-seq": "0" };
    const fenced = await send({ url, method: "POST", headers: stale, body: "x" });
    equal(fenced.status, 403);
    equal(fenced.headers["producer-epoch"], "3");
  });

  test("what a reader goes by is told: offset, cursor, up to date, closed, ETag, the encoding", async (send) => {
    const url = server.streamUrl();
    const type = { "content-type": "application/octet-stream" };
    const made = await send({ url, method: "PUT", headers: type, body: "x" });
    equal(new URL(made.headers["location"] ?? "", url).href, url);
    const read = await send({ url: `${url}?offset=-1` });
    equal(read.headers["stream-up-to-date"], "true");
    const etag = read.headers["etag"] ?? "";
    const again = await send({ url: `${url}?offset=-1`, headers: { "if-none-match": etag } });
    equal(again.status, 304);
    const polled = await send({ url: `${url}?offset=-1&live=long-poll` });
    equal(/^\d+$/.test(polled.headers["stream-cursor"] ?? ""), true);
    await send({ url, method: "POST", headers: { "stream-closed": "true" } });
    const sse = await send({ url: `${url}?offset=-1&live=sse` });
    equal(sse.headers["stream-sse-data-encoding"], "base64");
    const next = sse.headers["stream-next-offset"] ?? "";
    equal((await send({ url: `${url}?offset=${next}` })).headers["stream-closed"], "true");
  });

  test("a page's cache answers a read from the same offset; the next offset has what came since", async (send) => {
    const url = server.streamUrl();
    await send({ url, method: "PUT", headers: TEXT, body: "a" });
    const first = await send({ url: `${url}?offset=-1` });
    await send({ url, method: "POST", headers: TEXT, body: "b" });
    deepEqual(await send({ url: `${url}?offset=-1` }), first);
    const next = first.headers["stream-next-offset"] ?? "";
    equal((await send({ url: `${url}?offset=${next}` })).text, "b");
  });

  test("the reason of a refusal can be read", async (send) => {
    const { status, text } = await send({ url: `${server.streamUrl()}?offset=x` });
    equal(status, 400);
    equal(JSON.parse(text).error.code, "invalid_offset");
  });
}
