import { deepStrictEqual as equal, rejects } from "node:assert";
import { Client } from "../../../src/client/client.ts";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { tokenPosition } from "../../../src/protocol/offset.ts";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { originOf, serveLocally } from "../../support/hostile_proxy/kit.ts";

/** Runs a test with a server, and another that redirects to it with this status. */
async function redirecting(
  status: number,
  test: (client: Client, direct: Client) => Promise<void>,
): Promise<void> {
  const app = createApp({ storage: createMemoryStorage() });
  const server = serveLocally((request) => app.fetch(request));
  const other = serveLocally(async (request) => {
    await request.body?.cancel();
    const { pathname, search } = new URL(request.url);
    const location = `${originOf(server)}${pathname}${search}`;
    return new Response(null, { status, headers: { location } });
  });
  try {
    await test(
      new Client(`${originOf(other)}/v1/stream`),
      new Client(`${originOf(server)}/v1/stream`),
    );
  } finally {
    await other.shutdown();
    await server.shutdown();
  }
}

for (const status of [301, 302, 307, 308]) {
  Deno.test(`RFC 9110 §15.4: reads follow a ${status}, in every mode`, async () => {
    await redirecting(status, async (client, direct) => {
      const initialData = "[1,2]";
      await direct.create("s", { contentType: "application/json", initialData, closed: true });
      for (const readMode of ["auto", "sse", "long-poll", "catch-up"] as const) {
        const seen: unknown[] = [];
        for await (const value of client.reader("s", { readMode }).json()) seen.push(value);
        equal(seen, [1, 2]);
      }
      equal((await client.head("s")).closed, true);
    });
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`RFC 9110 §15.4: a ${status}, after which fetch may send a GET, never passes for a write`, async () => {
    await redirecting(status, async (client, direct) => {
      const contentType = "text/plain";
      await direct.create("s", { contentType, initialData: "x" });
      await refused(client.writer("s", { contentType }).send("lost"));
      const producer = client.producer("s", { id: "p", contentType });
      await refused((await producer.send("lost too")).stored);
      await refused(client.close("s"));
      await refused(client.create("s", { contentType }));
      await refused(client.delete("s"));
      const { nextOffset, closed } = await direct.head("s");
      equal([tokenPosition(nextOffset), closed], [1, false]);
    });
  });
}

async function refused(call: Promise<unknown>): Promise<void> {
  await rejects(
    call,
    (error) => error instanceof ClientError && error.code === "invalid_response",
  );
}
