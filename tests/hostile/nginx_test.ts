import { deepEqual, equal } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import zlib from "node:zlib";
import { Client } from "../../src/client/client.ts";
import { CommandKit } from "../cli/commands/command_kit.ts";
import { NGINX, testWith } from "../support/installed.ts";
import { plainGet } from "../support/plain_get.ts";
import { startProgram } from "../tools/program.ts";
import { startNginx } from "./nginx.ts";

/**
 * The program behind nginx with its cache on, which makes a GET of HEAD, ignores what requests say of
 * caches, and keeps what answers allow.
 */

const TEXT = { "content-type": "text/plain" };

interface Site {
  /** The streams through nginx. */
  readonly cached: string;
  /** The same below a path of nginx's own, of which it tells. */
  readonly below: string;
  /** The same without it. */
  readonly direct: string;
}

function test(name: string, run: (site: Site) => Promise<void>): void {
  testWith([NGINX], `nginx: ${name}`, async () => {
    const dir = mkdtempSync(join(tmpdir(), "durable-streams-behind-nginx-"));
    const command = [process.execPath, "run", "-A", "main.ts", "--port", "0", "--dir", dir];
    const flags = ["--chunk-bytes", "4KiB", "--compress", "--trust-proxy"];
    const server = await startProgram([...command, ...flags]);
    try {
      await using proxy = await startNginx(server.origin);
      await run({
        cached: `${proxy.origin}/v1/stream`,
        below: `${proxy.origin}/below/v1/stream`,
        direct: server.url,
      });
    } finally {
      await server.kill();
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

async function append(stream: string, body: string, method = "POST"): Promise<void> {
  await (await fetch(stream, { method, headers: TEXT, body })).body?.cancel();
}

async function ask(url: string, init: RequestInit = {}) {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { text, use: answer.headers.get("x-cache"), headers: answer.headers };
}

test("read prints what came since a chunk was kept", async ({ cached, direct }) => {
  const kit = new CommandKit();
  const read = () => kit.ok(["read", "s", "--url", cached], { fetch });
  await append(`${direct}/s`, "one\n", "PUT");
  equal(await read(), "one\n");
  await append(`${direct}/s`, "two\n");
  // What the cache says alone.
  const { text, use } = await ask(`${cached}/s?offset=-1`);
  deepEqual([text, use], ["one\n", "HIT"]);
  equal(await read(), "one\ntwo\n");
  await append(`${direct}/s`, "three\n");
  equal(await read(), "one\ntwo\nthree\n");
  equal(await kit.ok(["tail", "s", "-n", "1", "--url", cached], { fetch }), "three\n");
});

test("head tells the tail, though a GET is made of it and chunks are kept", async ({ cached, direct }) => {
  const client = new Client(cached);
  const length = async () => Number((await client.head("s")).nextOffset.slice(-16));
  await append(`${direct}/s`, "x".repeat(4_000), "PUT");
  for (let i = 0; i < 2; i++) await append(`${direct}/s`, "x".repeat(3_000));
  await ask(`${cached}/s`);
  // What HEAD alone says is the end of the first chunk, out of the cache.
  const { headers, use } = await ask(`${cached}/s`, { method: "HEAD" });
  const told = Number(headers.get("stream-next-offset")?.slice(-16));
  deepEqual([told < 10_000, use], [true, "HIT"]);
  equal(await length(), 10_000);
  await append(`${direct}/s`, "y");
  equal(await length(), 10_001);
  await (await fetch(`${direct}/s`, { method: "POST", headers: { "stream-closed": "true" } })).body
    ?.cancel();
  equal((await client.head("s")).closed, true);
});

test("a response that was cached for one origin's page is not given to another's", async ({ cached, direct }) => {
  await append(`${direct}/s`, "one\n", "PUT");
  const url = `${cached}/s?offset=-1`;
  const page = (origin: string) => ask(url, { headers: { origin } });
  const told: unknown[] = [];
  for (
    const asked of [() => ask(url), () => page("http://localhost:3000"), () => page("http://[::1]")]
  ) {
    for (let i = 0; i < 2; i++) {
      const { headers, use } = await asked();
      told.push([headers.get("access-control-allow-origin"), use]);
    }
  }
  deepEqual(told, [
    [null, "MISS"],
    [null, "HIT"],
    ["http://localhost:3000", "MISS"],
    ["http://localhost:3000", "HIT"],
    ["http://[::1]", "MISS"],
    ["http://[::1]", "HIT"],
  ]);
  const foreign = await page("https://evil.example");
  equal(foreign.text.includes("one"), false);
  equal(foreign.headers.get("access-control-allow-origin"), null);
});

test("a chunk in gzip and as it is are kept side by side, and each has its tag", async ({ cached, direct }) => {
  const text = "a line of text\n".repeat(200);
  await append(`${direct}/s`, text, "PUT");
  const url = `${cached}/s?offset=-1`;
  const GZIP = { "accept-encoding": "gzip" };
  const told: unknown[] = [];
  const tags: (string | undefined)[] = [];
  for (const headers of [GZIP, {}, GZIP, {}]) {
    const answer = await plainGet(url, headers);
    const coding = answer.headers["content-encoding"];
    const body = coding === "gzip" ? zlib.gunzipSync(answer.body) : answer.body;
    equal(body.toString(), text);
    told.push([coding, answer.headers["x-cache"]]);
    tags.push(answer.headers["etag"]);
  }
  deepEqual(told, [["gzip", "MISS"], [undefined, "MISS"], ["gzip", "HIT"], [undefined, "HIT"]]);
  const [gzip = "", plain = ""] = tags;
  deepEqual(tags, [gzip, plain, gzip, plain]);
  for (
    const [headers, tag, status] of [[GZIP, gzip, 304], [{}, plain, 304], [{}, gzip, 200]] as const
  ) {
    equal((await plainGet(url, { ...headers, "if-none-match": tag })).status, status);
  }
});

test("a new stream's Location is its URL behind nginx, whatever the client forges", async ({ below }) => {
  const forged = { forwarded: "host=evil.example", "x-forwarded-host": "evil.example" };
  const answer = await fetch(`${below}/s`, { method: "PUT", headers: { ...TEXT, ...forged } });
  deepEqual([answer.status, answer.headers.get("location")], [201, `${below}/s`]);
  const source = { "stream-forked-from": new URL(`${below}/s`).pathname };
  const fork = await fetch(`${below}/f`, { method: "PUT", headers: source });
  deepEqual([fork.status, fork.headers.get("location")], [201, `${below}/f`]);
});
