import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import type { ReadMode } from "../../src/client/reader/read_mode.ts";
import { withGuardedServer } from "../support/client/guarded_server.ts";

const MODES: readonly ReadMode[] = ["sse", "long-poll", "auto"];
const JSON_TYPE = "application/json";

for (const readMode of MODES) {
  Deno.test(`over sockets a reader in ${readMode} and a producer outlive ten tokens, exactly once`, async () => {
    await withGuardedServer(async ({ url, guard }) => {
      const client = new Client(url, { token: guard.issue });
      await client.create("s", { contentType: JSON_TYPE });
      const producer = client.producer("s", { id: "p", contentType: JSON_TYPE });
      const seen: number[] = [];
      await producer.sendJson(0);
      for await (const value of client.reader("s", { readMode }).json<number>()) {
        seen.push(value);
        // While the next one is on its way, and the reader waits for it.
        if (value % 10 === 5) guard.endAll(value % 20 === 5 ? "expired" : "revoked");
        if (value < 99) await producer.sendJson(value + 1);
        else if (value === 99) void producer.closeStream();
      }
      await producer.close();
      equal(seen, Array.from({ length: 100 }, (_, i) => i));
      ok(guard.issued >= 10, `${guard.issued}`);
    });
  });
}

Deno.test("over sockets who is signed out gets one error, and signed in again goes on", async () => {
  await withGuardedServer(async ({ url, guard }) => {
    let isSignedIn = true;
    const client = new Client(url, {
      token() {
        if (isSignedIn) return guard.issue();
        throw new Error("signed out");
      },
    });
    await client.create("s", { contentType: JSON_TYPE, initialData: "[1]" });
    const reader = client.reader("s", { readMode: "sse" });
    const seen: unknown[] = [];
    const readAll = async () => {
      for await (const value of reader.json()) {
        seen.push(value);
        if (value !== 1) continue;
        isSignedIn = false;
        guard.endAll("revoked");
      }
    };
    await rejects(readAll(), { code: "unauthenticated", message: /signed out/ });
    isSignedIn = true;
    await client.writer("s").sendJson(2, { close: true });
    await readAll();
    equal(seen, [1, 2]);
  });
});
