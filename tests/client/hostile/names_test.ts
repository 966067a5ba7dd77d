import { deepStrictEqual as equal, rejects } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { originOf, serveLocally } from "../../support/hostile_proxy/kit.ts";

const NAMES = [
  "a b",
  "\u00e4/\u00f6",
  "100%",
  "%2F",
  "%252e%252e",
  "...",
  ".hidden",
  "a//b",
  "a/",
  "//a",
  "?",
  "a?b=c",
  "#",
  "a#b",
  "\u{1f600}",
  "\\",
  "a;b,c&d=e+f",
  "'\"<>|^`{}[]",
  "e\u0301",
  "\u00e9",
  "a\u00a0b",
  ":",
  "http://example/x",
];

Deno.test("streams of odd names are made, written, read, forked, listed and deleted", async () => {
  const app = createApp({ storage: createMemoryStorage(), listing: true });
  const server = serveLocally((request) => app.fetch(request));
  try {
    const client = new Client(`${originOf(server)}/v1/stream`);
    for (const [i, name] of NAMES.entries()) {
      equal((await client.create(name, { contentType: "text/plain" })).created, true, name);
      await client.writer(name).send(`${i}`, { close: true });
    }
    for (const [i, name] of NAMES.entries()) {
      equal((await client.head(name)).closed, true);
      for (const readMode of ["auto", "sse", "long-poll", "catch-up"] as const) {
        const seen: string[] = [];
        for await (const message of client.reader(name, { readMode })) seen.push(message.text());
        equal(seen, [`${i}`], name);
      }
    }
    const listed: string[] = [];
    for await (const { name } of client.list({ pageSize: 3 })) listed.push(name);
    const names = NAMES.map((name) => name.replace(/^\//, ""));
    equal(listed.toSorted(), names.toSorted());
    for (const name of NAMES) {
      await client.fork(name, `fork/${name}`);
      equal((await client.head(`fork/${name}`)).contentType, "text/plain", name);
    }
    for (const name of NAMES) {
      await client.delete(`fork/${name}`);
      await client.delete(name);
    }
    for await (const stream of client.list()) equal(stream, undefined);
  } finally {
    await server.shutdown();
  }
});

Deno.test("a leading slash doesn't count, as in a path", async () => {
  const app = createApp({ storage: createMemoryStorage() });
  const server = serveLocally((request) => app.fetch(request));
  try {
    const client = new Client(`${originOf(server)}/v1/stream/`);
    await client.create("/a/b");
    equal((await client.head("a/b")).closed, false);
  } finally {
    await server.shutdown();
  }
});

for (const name of ["", "/", ".", "..", "/..", "a/../b", "./a", "a/.", "\ud800", "a/\udc00"]) {
  Deno.test(`${JSON.stringify(name)} can't be a stream's name, and that is said before anything is sent`, async () => {
    const client = new Client("http://localhost/v1/stream", {
      transport: () => Promise.reject(new Error("nobody should ask")),
    });
    const isRefused = (error: unknown) =>
      error instanceof ClientError && error.code === "invalid_argument";
    await rejects(client.head(name), isRefused);
    await rejects(client.create(name), isRefused);
    await rejects(client.writer(name, { contentType: "text/plain" }).send("x"), isRefused);
    await rejects(client.reader(name).read(), isRefused);
    const producer = client.producer(name, { id: "p", contentType: "text/plain" });
    const sent = producer.send("x");
    await rejects(sent.then(({ stored }) => stored), isRefused);
  });
}
