import { deepEqual, equal, ok } from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { fetchTransport } from "../../src/client/transport/transport.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { startServer } from "./server_process.ts";
import { HTTP_TARGETS, WORKER_TARGETS } from "./targets.ts";

/** Many streams on one connection, from each runtime's own sockets, and across a kill. */

const STREAMS = 30;

for (
  const target of [...HTTP_TARGETS, ...WORKER_TARGETS].filter(({ name }) =>
    !name.startsWith("exec")
  )
) {
  Deno.test(`${target.name}: readers share a connection, its set changes, and a kill costs nothing`, () =>
    withTempDir(async (dir) => {
      const flags = ["--dir", dir, "--port", "0"];
      let server = await startServer(await target.command(), flags);
      try {
        const requests: string[] = [];
        const transport = fetchTransport({
          fetch: (url, init) => {
            const { pathname, search } = new URL(url);
            requests.push(`${init.method} ${pathname}${search}`);
            const { origin } = new URL(server.url);
            return fetch(`${origin}${pathname}${search}`, init);
          },
        });
        const client = new Client(server.url, { transport });
        const names = Array.from({ length: STREAMS }, (_, i) => `s${i}`);
        const contentType = "application/json";
        await Promise.all(names.map((name) => client.create(name, { contentType })));
        const seen = new Map(names.map((name): [string, unknown[]] => [name, []]));
        const reading = names.map(async (name) => {
          const reader = client.reader(name, { maxElapsedMs: Infinity });
          for await (const value of reader.json()) seen.get(name)?.push(value);
        });
        const has = (count: number) =>
          [...seen.values()].every((values) => values.length === count);
        const append = (text: string, close = false) =>
          Promise.all(names.map((name) => send(client, name, `${name} ${text}`, close)));
        await until(
          () => requests.some((each) => each.endsWith("/__ds/live")),
          () => "nobody shares",
        );
        await append("one");
        await until(() => has(1), () => `not all came: ${JSON.stringify([...seen])}`);
        const shared = requests.filter((each) => each.includes("/__ds/live"));
        ok(shared.length <= 10, `one connection and few changes, not ${shared.length}`);
        const live = requests.filter((each) => each.includes("live=")).length;
        ok(live <= 3, `one connection for each: ${live}`);
        await append("two");
        server.signal("SIGKILL");
        await server.ended;
        server = await startServer(await target.command(), flags);
        await append("three", true);
        await Promise.all(reading);
        for (const name of names) {
          deepEqual(seen.get(name), ["one", "two", "three"].map((text) => `${name} ${text}`));
        }
      } finally {
        await server[Symbol.asyncDispose]();
      }
    }));
}

for (const target of WORKER_TARGETS.filter(({ name }) => !name.startsWith("exec"))) {
  Deno.test(`${target.name}: a set is changed whichever thread the request comes to`, async () => {
    await using server = await startServer(await target.command(), [
      "--storage",
      "memory",
      "--port",
      "0",
    ]);
    const client = new Client(server.url);
    for (const name of ["a", "b"]) await client.create(name, { contentType: "application/json" });
    const answer = await fetch(`${server.url}/__ds/live?stream=a@now`);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader?.read())?.value ?? "";
    const id = /"connection":"([^"]+)"/.exec(first)?.[1];
    for (let i = 0; i < 20; i++) {
      const change = i % 2 === 0 ? { add: [{ stream: "b", offset: "-1" }] } : { remove: ["b"] };
      const changed = await fetch(`${server.url}/__ds/live/${id}`, {
        method: "POST",
        body: JSON.stringify(change),
        headers: { connection: "close" },
      });
      equal(changed.status, 204);
    }
    await reader?.cancel();
  });
}

async function send(client: Client, name: string, text: string, close: boolean): Promise<void> {
  await client.writer(name).sendJson(text, { close });
}
