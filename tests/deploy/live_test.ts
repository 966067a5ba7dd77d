import { deepEqual, match, ok } from "node:assert/strict";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { once } from "node:events";
import { SseConnection } from "../support/sse_connection.ts";
import { until } from "../support/until.ts";
import { testWith } from "../support/installed.ts";
import { withProgram } from "./origin.ts";
import { caddy, nginx, type Proxy, SITE, varnish } from "./proxy.ts";

/** The program behind each proxy, by the files of docs/deploy: what comes live comes at once, and for whom. */

const TEXT = { "content-type": "text/plain" };
const GZIP = { "accept-encoding": "gzip" };
/** No figure: an event that a proxy holds back never comes. */
const LIMIT_MS = 60_000;

async function append(stream: string, body: string, method = "POST"): Promise<void> {
  const answer = await fetch(stream, { method, headers: TEXT, body });
  await answer.body?.cancel();
  ok(answer.ok, String(answer.status));
}

function close(stream: string): Promise<Response> {
  return fetch(stream, { method: "POST", headers: { "stream-closed": "true" } });
}

async function liveReaders(origin: string): Promise<number> {
  return (await (await fetch(`${origin}/health`)).json()).readers.live;
}

function open(proxy: Proxy, path: string): Promise<Response> {
  return fetch(`${proxy.origin}/v1/stream/${path}`, {
    client: proxy.client,
    headers: GZIP,
    signal: AbortSignal.timeout(LIMIT_MS),
  });
}

for (const kind of [nginx, caddy, varnish]) {
  testWith(
    kind.needs,
    `an event comes through ${kind.name} before the next is written`,
    () =>
      withProgram([], async (program, upstream) => {
        await using proxy = await kind.start(upstream);
        const stream = `${program.url}/s`;
        await append(stream, "zero", "PUT");
        const sse = new SseConnection(await open(proxy, "s?offset=-1&live=sse"));
        let seen = await sse.chunk() ?? "";
        // Each is waited for before the next, so that one that is held back never comes.
        for (const word of ["one", "two", "three"]) {
          await append(stream, word);
          while (!seen.includes(`data:${word}\n`)) seen += await sse.chunk() ?? "";
        }
        await (await close(stream)).body?.cancel();
        match(await sse.rest(), /"streamClosed":true/);
      }),
  );

  testWith(
    kind.needs,
    `a reader who leaves ${kind.name} leaves the server too`,
    () =>
      withProgram(
        ["--sse-close-after", "1h", "--long-poll-timeout", "1h"],
        async (program, upstream) => {
          await using proxy = await kind.start(upstream);
          await append(`${program.url}/s`, "zero", "PUT");
          for (const live of ["sse", "long-poll"]) {
            const controller = new AbortController();
            const url = `${proxy.origin}/v1/stream/s?offset=now&live=${live}`;
            const answer = fetch(url, { client: proxy.client, signal: controller.signal });
            answer.then((one) => one.text()).catch(() => {});
            await until(
              async () => await liveReaders(program.origin) === 1,
              () => `no reader by ${live}`,
            );
            controller.abort();
            // Where there is a cache, a request goes on that others might wait for too.
            if (kind !== caddy && live === "long-poll") await append(`${program.url}/s`, "one");
            await until(
              async () => await liveReaders(program.origin) === 0,
              () => `the reader by ${live} is still there`,
            );
          }
        },
      ),
  );

  testWith(
    kind.needs,
    `a long-poll through ${kind.name} is answered with what comes`,
    () =>
      withProgram([], async (program, upstream) => {
        await using proxy = await kind.start(upstream);
        const stream = `${program.url}/s`;
        await append(stream, "zero", "PUT");
        let offset = (await open(proxy, "s")).headers.get("stream-next-offset");
        let cursor = "";
        for (const word of ["one", "two"]) {
          const answer = open(proxy, `s?${cursor}live=long-poll&offset=${offset}`);
          await until(async () => await liveReaders(program.origin) > 0, () => "no reader");
          await append(stream, word);
          const { status, headers, ...rest } = await withText(await answer);
          deepEqual([status, rest.text], [200, word]);
          offset = headers.get("stream-next-offset");
          cursor = `cursor=${headers.get("stream-cursor")}&`;
        }
      }),
  );
}

for (const kind of [nginx, caddy]) {
  testWith(
    kind.needs,
    `twenty readers by SSE are one connection to ${kind.name}`,
    () =>
      withProgram([], async (program, upstream) => {
        await using proxy = await kind.start(upstream);
        const stream = `${program.url}/s`;
        await append(stream, "zero", "PUT");
        const session = connect(proxy.origin, { ca: proxy.certificate ?? "" });
        try {
          await once(session, "connect");
          const readers = Array.from({ length: 20 }, () => new Http2Reader(session, proxy.port));
          await until(
            async () => await liveReaders(program.origin) === 20,
            () => "not all are there",
          );
          await append(stream, "one");
          await until(
            () => readers.every(({ text }) => text.includes("data:one\n")),
            () => "no data",
          );
          await (await close(stream)).body?.cancel();
          await Promise.all(readers.map(({ ended }) => ended));
          ok(readers.every(({ text }) => text.includes('"streamClosed":true')));
        } finally {
          session.destroy();
        }
      }),
  );

  testWith(
    kind.needs,
    `a stream's Location is its URL behind ${kind.name}, whatever is forged`,
    () =>
      withProgram([], async (_, upstream) => {
        await using proxy = await kind.start(upstream);
        const url = `${proxy.origin}/v1/stream/s`;
        const answer = await fetch(url, {
          method: "PUT",
          client: proxy.client,
          headers: {
            ...TEXT,
            forwarded: "host=evil.example",
            "x-forwarded-host": "evil.example",
            "x-forwarded-port": "1",
            "x-forwarded-prefix": "/evil",
          },
        });
        deepEqual([answer.status, answer.headers.get("location")], [201, url]);
      }),
  );
}

/** One SSE response of a session, by the name that the site has. */
class Http2Reader {
  text = "";
  readonly ended: Promise<unknown>;

  constructor(session: ClientHttp2Session, port: number) {
    const stream = session.request({
      [constants.HTTP2_HEADER_AUTHORITY]: `${SITE}:${port}`,
      [constants.HTTP2_HEADER_PATH]: "/v1/stream/s?offset=-1&live=sse",
    });
    stream.setEncoding("utf8").on("data", (text: string) => this.text += text);
    this.ended = once(stream, "end");
    stream.end();
  }
}

async function withText(answer: Response) {
  const { status, headers } = answer;
  return { status, headers, text: await answer.text() };
}
