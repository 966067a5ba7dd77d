import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import zlib from "node:zlib";
import { createMemoryStorage, serve } from "../../src/mod.ts";
import { concatBytes, encodeUtf8 } from "../../src/protocol/bytes.ts";
import { plainGet } from "../support/plain_get.ts";
import { startServer } from "./server_process.ts";
import { HTTP_TARGETS, type RuntimeTarget } from "./targets.ts";

/** Compressed bodies, through each HTTP server: some might decode or encode by themselves. */

const TEXT = { "content-type": "text/plain" };
const MIB = 1024 * 1024;
/**
 * What decoding a bomb may add to the server's memory at most: garbage, mostly, and when that is collected
 * is the runtime's affair. Held whole it would be a GiB.
 */
const BOMB_MEMORY_BYTES = 512 * MIB;

for (const target of HTTP_TARGETS) {
  Deno.test(`${target.name}: takes bodies in each coding, and says which those are`, async () => {
    await withServer(target, async ({ url }) => {
      equal((await send(`${url}/a`, "PUT", "gzip", zlib.gzipSync("one, "))).status, 201);
      equal((await send(`${url}/a`, "POST", "zstd", zlib.zstdCompressSync("two, "))).status, 204);
      equal((await send(`${url}/a`, "POST", "deflate", zlib.deflateSync("three"))).status, 204);
      equal(await (await fetch(`${url}/a`)).text(), "one, two, three");
      const unknown = await send(`${url}/a`, "POST", "br", zlib.brotliCompressSync("four"));
      equal(unknown.status, 415);
      equal(unknown.headers.get("accept-encoding"), "gzip, deflate, zstd");
      match(await unknown.text(), /"unsupported_encoding"/);
      const cut = await send(`${url}/a`, "POST", "gzip", zlib.gzipSync("four").subarray(0, -1));
      equal(cut.status, 400);
      match(await cut.text(), /not valid gzip/);
    });
  });

  Deno.test(`${target.name}: a GiB in a MiB is refused, and never held`, async () => {
    await withServer(target, async ({ url, pid }) => {
      const member = zlib.gzipSync(new Uint8Array(MIB), { level: 9 });
      const gzip = concatBytes(Array.from({ length: 1024 }, () => new Uint8Array(member)));
      ok(gzip.length < 1.1 * MIB);
      const frame = zlib.zstdCompressSync(new Uint8Array(16 * MIB));
      const zstd = concatBytes(Array.from({ length: 64 }, () => new Uint8Array(frame)));
      equal((await send(`${url}/a`, "PUT", "gzip", zlib.gzipSync("one"))).status, 201);
      const before = peakMemoryBytes(pid);
      for (const [coding, bomb] of [["gzip", gzip], ["zstd", zstd]] as const) {
        for (let i = 0; i < 3; i++) {
          const answer = await send(`${url}/a`, "POST", coding, bomb);
          equal(answer.status, 413);
          match(await answer.text(), /longer than 10485760 bytes/);
        }
      }
      ok(peakMemoryBytes(pid) - before < BOMB_MEMORY_BYTES);
      equal(await (await fetch(`${url}/a`)).text(), "one");
    });
  });

  Deno.test(`${target.name}: reads are in gzip where the client takes that, if asked to or seen from afar`, async () => {
    const text = "a line of text\n".repeat(1000);
    for (
      const [flags, coding] of [[[], undefined], [["--compress"], "gzip"], [AFAR, "gzip"]] as const
    ) {
      await withServer(target, async ({ url }) => {
        equal((await send(`${url}/a`, "PUT", "identity", encodeUtf8(text))).status, 201);
        const { headers, body } = await plainGet(`${url}/a`, { "accept-encoding": "gzip, br" });
        equal(headers["content-encoding"], coding);
        equal(headers["content-length"], String(body.length));
        equal(coding === undefined ? body.toString() : zlib.gunzipSync(body).toString(), text);
        const etag = String(headers["etag"]);
        const again = { "accept-encoding": "gzip", "if-none-match": etag };
        equal((await plainGet(`${url}/a`, again)).status, 304);
        equal((await plainGet(`${url}/a`)).body.toString(), text);
        equal(await (await fetch(`${url}/a`)).text(), text);
      }, flags);
    }
  });

  Deno.test(`${target.name}: long reads from the disk are in gzip as they are without`, async () => {
    const flags = ["--compress", "--wal-bytes", "8MiB", "--chunk-bytes", "1MiB"];
    await withServer(target, async ({ url }) => {
      const messages = Array.from({ length: 400 }, (_, i) => ({ i, text: "ü".repeat(i * 7) }));
      const body = encodeUtf8(JSON.stringify(messages));
      const json = { "content-type": "application/json" };
      equal((await fetch(`${url}/j`, { method: "PUT", headers: json })).status, 201);
      for (let i = 0; i < 16; i++) {
        equal((await fetch(`${url}/j`, { method: "POST", headers: json, body })).status, 204);
      }
      const all: unknown[] = [];
      let zipped = 0;
      for (let offset = "-1", isOn = true; isOn;) {
        const target = `${url}/j?offset=${offset}`;
        const [gzip, plain] = await Promise.all([
          plainGet(target, { "accept-encoding": "gzip" }),
          plainGet(target),
        ]);
        equal(gzip.headers["content-encoding"], "gzip");
        const array = zlib.gunzipSync(gzip.body);
        ok(array.equals(plain.body));
        zipped += gzip.body.length;
        all.push(...JSON.parse(array.toString()));
        offset = String(plain.headers["stream-next-offset"]);
        isOn = plain.headers["stream-up-to-date"] === undefined;
      }
      deepEqual(all, Array.from({ length: 16 }, () => messages).flat());
      ok(zipped * 4 < body.length * 16);
    }, flags);
  });
}

Deno.test("serve() answers in gzip where it is asked to, or where others can reach it", async () => {
  const text = "a line of text\n".repeat(100);
  for (
    const [options, coding] of [
      [{}, undefined],
      [{ compress: true }, "gzip"],
      [{ hostname: AFAR_HOST }, "gzip"],
      [{ hostname: AFAR_HOST, compress: false }, undefined],
    ] as const
  ) {
    const storage = createMemoryStorage();
    const server = await serve({ storage, port: 0, ...options });
    try {
      equal((await send(`${server.url}/a`, "PUT", "identity", encodeUtf8(text))).status, 201);
      const answer = await plainGet(`${server.url}/a`, { "accept-encoding": "gzip" });
      equal(answer.headers["content-encoding"], coding);
    } finally {
      await server.stop();
      await storage.close();
    }
  }
});

/** An address that isn't taken for loopback, and leads nowhere else. */
const AFAR_HOST = "127.1";
const AFAR = ["--host", AFAR_HOST, "--insecure"];

function send(url: string, method: string, coding: string, body: Uint8Array): Promise<Response> {
  const headers = { ...TEXT, "content-encoding": coding };
  return fetch(url, { method, headers, body: new Uint8Array(body) });
}

function peakMemoryBytes(pid: number): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

interface Served {
  readonly url: string;
  readonly pid: number;
}

async function withServer(
  target: RuntimeTarget,
  run: (server: Served) => Promise<void>,
  more: readonly string[] = [],
) {
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-test-"));
  try {
    const flags = ["--port", "0", "--dir", join(dir, "streams"), ...more];
    await using server = await startServer(await target.command(), flags);
    await run(server);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
