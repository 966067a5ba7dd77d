import { deepEqual, equal } from "node:assert/strict";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { startHostileProxy } from "../../support/hostile_proxy/hostile_proxy.ts";
import { originOf, serveLocally } from "../../support/hostile_proxy/kit.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { CommandKit } from "./command_kit.ts";

/** The commands behind a shared cache that does all that it may, while somebody else writes. */

interface Site {
  /** Runs a command through the cache; what it wrote. */
  run(command: string, ...flags: string[]): Promise<string>;
  /** Appends beside the cache. */
  append(text: string): Promise<void>;
  /** The requests that came to the cache since the last call. */
  asked(): string[];
}

async function behindCache(test: (site: Site) => Promise<void>): Promise<void> {
  const storage = createMemoryStorage();
  const app = createApp({ storage, chunkBytes: 4096, listing: true });
  const server = serveLocally((request) => app.fetch(request));
  const proxy = await startHostileProxy(originOf(server), {
    decide: () => ({ kind: "cache" }),
    clock: new ManualClock(),
  });
  const kit = new CommandKit();
  const url = `${proxy.origin}/v1/stream`;
  let told = 0;
  try {
    await storage.create("s", { contentType: "text/plain" });
    await test({
      run: (command, ...flags) => kit.ok([command, "s", ...flags, "--url", url], { fetch }),
      append: async (text) => {
        const headers = { "content-type": "text/plain" };
        await app.request("/v1/stream/s", { method: "POST", headers, body: text });
      },
      asked: () => {
        const requests = proxy.exchanges.slice(told);
        told = proxy.exchanges.length;
        return requests.map(({ method, target }) => `${method} ${target.replace(/^.*\/s/, "")}`);
      },
    });
  } finally {
    await proxy.close();
    await server.shutdown();
  }
}

Deno.test("read prints what came since a cache kept the last chunk, however often that happens", async () => {
  await behindCache(async ({ run, append, asked }) => {
    await append("one\n");
    equal(await run("read"), "one\n");
    await append("two\n");
    equal(await run("read"), "one\ntwo\n");
    await append("three\n");
    equal(await run("read"), "one\ntwo\nthree\n");
    asked();
    equal(await run("read"), "one\ntwo\nthree\n");
    // Three chunks out of the cache, and the tail.
    deepEqual(asked().filter((request) => request.endsWith("offset=now")), ["GET ?offset=now"]);
  });
});

Deno.test("read of a closed stream asks for no tail: what says closed is final, out of a cache, too", async () => {
  await behindCache(async ({ run, append, asked }) => {
    await append("x".repeat(20_000));
    await run("close");
    for (let i = 0; i < 2; i++) {
      asked();
      equal((await run("read")).length, 20_000);
      deepEqual(asked().filter((request) => request.endsWith("offset=now")), []);
    }
  });
});

Deno.test("tail and head tell what is there now, whatever a cache kept", async () => {
  await behindCache(async ({ run, append }) => {
    await append("one\n");
    equal(await run("read"), "one\n");
    equal(await run("tail", "-n", "1"), "one\n");
    await append("two\n");
    equal(await run("tail", "-n", "2"), "one\ntwo\n");
    equal(await run("tail", "--from", "start"), "one\ntwo\n");
    equal(/next-offset +[0-9a-z]{8}-0*8\n/.test(await run("head")), true);
  });
});
