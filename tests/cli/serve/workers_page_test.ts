import { equal } from "node:assert/strict";
import { Command } from "commander";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";
import { appSettings } from "../../../src/cli/serve/app_settings.ts";
import { startHttpWorkers } from "../../../src/cli/serve/http_workers.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { Feed } from "../../server/page/feed_kit.ts";

function settings(...args: string[]) {
  const command = new Command().exitOverride();
  addFlags(command, serveFlags);
  command.parse(args, { from: "user" });
  return appSettings(readFlags(command, serveFlags, {}), 2, 100);
}

Deno.test("the page is on where only this machine reaches it or tokens are asked for, and elsewhere by its flag", () => {
  const isOn = (...args: string[]) => settings(...args).app.page;
  equal(isOn(), true);
  equal(isOn("--no-page"), false);
  equal(isOn("--host", "0.0.0.0", "--insecure"), false);
  equal(isOn("--host", "0.0.0.0", "--insecure", "--page"), true);
  equal(isOn("--host", "0.0.0.0", "--tokens", "tokens.json"), true);
});

Deno.test("with several threads the page's figures and readers are of all, whichever is asked", async () => {
  const storage = createMemoryStorage();
  const logs = { level: "error", format: "text" } as const;
  const workers = await startHttpWorkers(2, settings("--port", "0"), logs, undefined);
  await workers.serve(storage);
  const base = `http://127.0.0.1:${workers.port}/v1/stream`;
  // A connection each, so that both threads get some.
  const headers = { connection: "close", "content-type": "text/plain" };
  await (await fetch(`${base}/a`, { method: "PUT", headers })).body?.cancel();
  const readers = await Promise.all(
    Array.from({ length: 8 }, () => fetch(`${base}/a?offset=-1&live=sse`, { headers })),
  );
  const feeds = await Promise.all(
    Array.from(
      { length: 4 },
      async () => new Feed(await fetch(`${base}/__ds/page/feed`, { headers })),
    ),
  );
  try {
    for (const feed of feeds) equal((await feed.next("hello")).storage, "memory");
    // The threads' counts come a second late.
    for (const feed of feeds) {
      let found = 0;
      for (let i = 0; i < 5 && found !== 12; i++) {
        found = (await feed.next("sample")).series.readers;
      }
      equal(found, 12);
    }
    for (let i = 0; i < 4; i++) {
      const listed = await (await fetch(`${base}/__ds/page/streams`, { headers })).json();
      equal(listed.streams[0].readers, 8);
      const one = await (await fetch(`${base}/__ds/page/stream?name=a`, { headers })).json();
      equal(one.readers, 8);
    }
  } finally {
    workers.endReaders();
    for (const feed of feeds) await feed.cancel().catch(() => {});
    for (const reader of readers) await reader.body?.cancel().catch(() => {});
    await workers.stop();
    await storage.close();
  }
});
