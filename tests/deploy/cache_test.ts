import { deepEqual, equal, ok } from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { testWith } from "../support/installed.ts";
import { countingApp, countingOrigin, withProgram } from "./origin.ts";
import { nginx, type Proxy, startVarnish, varnish } from "./proxy.ts";

/** What the caches keep by the files of docs/deploy, for whom, and how they are told to let go of it. */

const TEXT = { "content-type": "text/plain" };

async function write(url: string, init: RequestInit): Promise<void> {
  const answer = await fetch(url, { headers: TEXT, ...init });
  await answer.body?.cancel();
  ok(answer.ok, String(answer.status));
}

async function ask(proxy: Proxy, path: string, init: RequestInit = {}) {
  const answer = await fetch(`${proxy.origin}/v1/stream/${path}`, {
    ...init,
    client: proxy.client,
  });
  return {
    status: answer.status,
    text: await answer.text(),
    next: answer.headers.get("stream-next-offset") ?? "",
  };
}

for (const kind of [nginx, varnish]) {
  testWith(
    kind.needs,
    `a chunk is asked of the server once by ${kind.name}, HEAD always`,
    async () => {
      await using origin = countingApp({});
      await using proxy = await kind.start(origin.upstream);
      const stream = `${origin.url}/v1/stream/s`;
      await write(stream, { method: "PUT", body: "one" });
      const asked = (path: string, method = "GET") =>
        counted(origin.requests, () => ask(proxy, path, { method }));
      const first = await ask(proxy, "s?offset=-1");
      deepEqual(await asked("s?offset=-1"), [0, "one"]);
      // What isn't there yet isn't kept.
      deepEqual(await asked(`s?offset=${first.next}`), [1, ""]);
      await write(stream, { method: "POST", body: "two" });
      deepEqual(await asked(`s?offset=${first.next}`), [1, "two"]);
      deepEqual(await asked(`s?offset=${first.next}`), [0, "two"]);
      deepEqual(await asked("s?offset=now"), [1, ""]);
      deepEqual(await asked("s?offset=now"), [1, ""]);
      for (let i = 0; i < 2; i++) {
        const head = await ask(proxy, "s", { method: "HEAD" });
        equal(Number(head.next.slice(-16)), 6);
      }
      equal(origin.requests.filter(({ method }) => method === "HEAD").length, 2);
    },
  );

  testWith(
    kind.needs,
    `${kind.name} keeps nothing that is private, nor what a token asked for`,
    async () => {
      let says = "private, no-store";
      await using origin = countingOrigin(({ url }) => {
        const isEmpty = url.includes("empty");
        return new Response(isEmpty ? null : "secret", {
          status: isEmpty ? 204 : 200,
          headers: { "cache-control": says },
        });
      });
      await using proxy = await kind.start(origin.upstream);
      const token = { authorization: "Bearer t" };
      const paths = ["a?offset=1", "b?live=long-poll&offset=1", "empty?live=long-poll&offset=1"];
      const told = async (paths: readonly string[], headers: HeadersInit) => {
        const counts: number[] = [];
        for (const path of paths) {
          const twice = async () => {
            await ask(proxy, path, { headers });
            return await ask(proxy, path, { headers });
          };
          const [count] = await counted(origin.requests, twice);
          counts.push(count);
        }
        return counts;
      };
      deepEqual(await told(paths, {}), [2, 2, 2]);
      deepEqual(await told(paths, token), [2, 2, 2]);
      says = "private, max-age=60";
      deepEqual(await told(["c?offset=1", "d?live=long-poll&offset=1"], {}), [2, 2]);
      // A server without access control behind a proxy that asks for the token says so.
      says = "public, max-age=60";
      deepEqual(await told(["e?offset=1", "f?live=long-poll&offset=1"], token), [2, 2]);
      deepEqual(await told(["e?offset=1"], { cookie: "session=1" }), [2]);
      deepEqual(await told(["e?ds-p=e&ds-sig=1&offset=1", "f?ds-sig=1"], {}), [2, 2]);
      // A tail that is asked for is today's.
      says = "no-store";
      deepEqual(await told(["empty?live=long-poll&offset=now", "g?tail=10"], {}), [2, 2]);
      says = "public, max-age=60";
      // And nobody else has got any of it.
      deepEqual(await told(["e?offset=1"], {}), [1]);
    },
  );

  testWith(
    kind.needs,
    `an old chunk in ${kind.name} is never taken for a new stream's`,
    () =>
      withProgram([], async ({ url }, upstream) => {
        await using proxy = await kind.start(upstream);
        await write(`${url}/s`, { method: "PUT", body: "old" });
        const old = await ask(proxy, "s?offset=-1");
        await write(`${url}/s`, { method: "DELETE" });
        await write(`${url}/s`, { method: "PUT", body: "new one" });
        // For a minute the start of the old one is still there, as whole as it was.
        equal((await ask(proxy, "s?offset=-1")).text, "old");
        // Whoever goes on from there is told, and doesn't get the new one's bytes behind the old ones.
        equal((await ask(proxy, `s?offset=${old.next}`)).status, 410);
        equal((await ask(proxy, `s?live=long-poll&offset=${old.next}`)).status, 410);
      }),
  );
}

testWith(
  varnish.needs,
  "PURGE has Varnish forget all of a stream, and no other",
  () =>
    withProgram([], async ({ url }, upstream) => {
      await using proxy = await startVarnish(upstream);
      for (const name of ["s", "s2"]) await write(`${url}/${name}`, { method: "PUT", body: "old" });
      const first = await ask(proxy, "s?offset=-1");
      const other = await ask(proxy, "s2?offset=-1");
      await write(`${url}/s`, { method: "POST", body: "er" });
      equal((await ask(proxy, `s?offset=${first.next}`)).text, "er");
      for (const name of ["s", "s2"]) await write(`${url}/${name}`, { method: "DELETE" });
      await write(`${url}/s`, { method: "PUT", body: "new" });
      equal((await ask(proxy, "s?offset=-1")).text, "old");
      equal((await ask(proxy, `s?offset=${first.next}`)).text, "er");

      deepEqual((await ask(proxy, "s", { method: "PURGE" })).status, 200);
      equal((await ask(proxy, "s?offset=-1")).text, "new");
      equal((await ask(proxy, `s?offset=${first.next}`)).status, 410);
      deepEqual(await ask(proxy, "s2?offset=-1"), other);
    }),
);

testWith(
  nginx.needs,
  "nginx forgets what is removed from its folder",
  () =>
    withProgram([], async ({ url }, upstream) => {
      await using proxy = await nginx.start(upstream);
      await write(`${url}/s`, { method: "PUT", body: "old" });
      await ask(proxy, "s?offset=-1");
      await write(`${url}/s`, { method: "DELETE" });
      equal((await ask(proxy, "s?offset=-1")).text, "old");
      const cache = `${proxy.dir}/cache`;
      for (const name of readdirSync(cache)) rmSync(`${cache}/${name}`, { recursive: true });
      equal((await ask(proxy, "s?offset=-1")).status, 404);
    }),
);

testWith(
  varnish.needs,
  "PURGE doesn't come through a proxy that stands before Varnish",
  () =>
    withProgram([], async ({ url }, upstream) => {
      await using proxy = await startVarnish(upstream);
      await write(`${url}/s`, { method: "PUT", body: "old" });
      await ask(proxy, "s?offset=-1");
      await write(`${url}/s`, { method: "DELETE" });
      const headers = { "x-forwarded-for": "192.0.2.1" };
      equal((await ask(proxy, "s", { method: "PURGE", headers })).status, 403);
      equal((await ask(proxy, "s?offset=-1")).text, "old");
      equal((await ask(proxy, "s", { method: "PURGE" })).status, 200);
      equal((await ask(proxy, "s?offset=-1")).status, 404);
    }),
);

testWith(
  varnish.needs,
  "PURGE is for the machines that the file names",
  () =>
    withProgram([], async ({ url }, upstream) => {
      await using proxy = await startVarnish(upstream, "192.0.2.1");
      await write(`${url}/s`, { method: "PUT", body: "old" });
      await ask(proxy, "s?offset=-1");
      await write(`${url}/s`, { method: "DELETE" });
      equal((await ask(proxy, "s", { method: "PURGE" })).status, 403);
      equal((await ask(proxy, "s?offset=-1")).text, "old");
    }),
);

/** How many requests reached the server meanwhile, and the answer. */
async function counted(
  requests: readonly Request[],
  run: () => Promise<{ readonly text: string }>,
): Promise<[number, string]> {
  const before = requests.length;
  const { text } = await run();
  return [requests.length - before, text];
}
