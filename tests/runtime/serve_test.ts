import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Feed } from "../server/page/feed_kit.ts";
import { until } from "../support/until.ts";
import { runCommand } from "../tools/command.ts";
import { RawConnection } from "./raw_http.ts";
import { startServer } from "./server_process.ts";
import { HTTP_TARGETS, WORKER_TARGETS } from "./targets.ts";

/** What a stopping server says 5 s after the signal, where a connection is still busy by then. */
const CUTTING = /cutting the connections that are still busy/;
const MIB = 1024 * 1024;
const TEXT = { "content-type": "text/plain" };

for (const target of [...HTTP_TARGETS, ...WORKER_TARGETS]) {
  const test = (name: string, run: (flags: readonly string[]) => Promise<void>) =>
    Deno.test(`${target.name}: ${name}`, async () => {
      const dir = mkdtempSync(join(tmpdir(), "durable-streams-test-"));
      try {
        await run(["--port", "0", "--dir", join(dir, "streams")]);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  const start = async (flags: readonly string[]) => startServer(await target.command(), flags);

  test("says in one line on stdout where it listens, and on stderr what it is", async (flags) => {
    await using server = await start(flags);
    match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/v1\/stream$/);
    server.signal("SIGINT");
    const { code, stdout, stderr } = await server.ended;
    equal(code, 0);
    equal(stdout, `listening on ${server.url}\n`);
    match(
      stderr,
      new RegExp(`INFO started pid=${server.pid} dir=\\S+ .*runtime="(Deno|Bun|Node) `),
    );
  });

  test("where others could reach it, it starts only with access control or --insecure", async (flags) => {
    // An address that isn't taken for loopback, and leads nowhere else.
    const afar = [...flags, "--host", "127.1"];
    const refused = await runCommand([...await target.command(), ...afar], { limitMinutes: 1 });
    equal(refused.code, 2, refused.output);
    match(refused.output, /--host is 127\.1.*give --tokens, --jwt-key or .*--insecure/);
    await using server = await start([...afar, "--insecure"]);
    server.signal("SIGINT");
    const { stderr } = await server.ended;
    doesNotMatch(stderr, / WARNING /);
  });

  test("serves its page, and tells it how it does until it stops", async (flags) => {
    await using server = await start(flags);
    const document = await fetch(new URL("/ui", server.url));
    equal(document.status, 200);
    equal(document.headers.get("content-encoding"), "gzip");
    match(document.headers.get("content-security-policy") ?? "", /script-src 'sha256-/);
    match(await document.text(), /^<!doctype html>[^]*"prefix":"\/v1\/stream"[^]*<\/html>$/);
    const feed = new Feed(await fetch(`${server.url}/__ds/page/feed`));
    const { runtime, storage } = await feed.next("hello");
    deepEqual([/^(Deno|Bun|Node) /.test(runtime), storage], [true, "file"]);
    const { series } = await feed.next("sample");
    ok(series.memoryBytes > 0 && series.logBytes !== null);
    server.signal("SIGTERM");
    deepEqual((await feed.rest()).at(-1), { type: "end", data: { reason: "stopping" } });
    equal((await server.ended).code, 0);
  });

  test("says at / what it is, as text or as a page", async (flags) => {
    await using server = await start(flags);
    const root = new URL("/", server.url);
    const forms = [
      ["*/*", "text/plain", `${server.url}/my-stream`],
      ["text/html", "text/html", 'id="config"'],
    ] as const;
    for (const [accept, type, content] of forms) {
      const answer = await fetch(root, { headers: { accept } });
      deepEqual([answer.status, answer.headers.get("content-type")], [
        200,
        `${type}; charset=utf-8`,
      ]);
      ok((await answer.text()).includes(content));
      const head = await fetch(root, { method: "HEAD", headers: { accept } });
      deepEqual([head.status, head.headers.get("content-type")], [200, `${type}; charset=utf-8`]);
    }
  });

  test("serves no strange page and by no strange name, unless flags say so", async (flags) => {
    const ask = async (url: string, headers: string) => {
      const connection = new RawConnection(url);
      connection.send(`GET /health HTTP/1.1\n${headers}\nConnection: close\n\n`);
      const answer = await connection.until("\r\n\r\n");
      connection[Symbol.dispose]();
      return answer.slice(0, "HTTP/1.1 200".length);
    };
    const page = "Host: localhost\nOrigin: https://app.example";
    {
      await using server = await start(flags);
      equal(await ask(server.url, "Host: localhost"), "HTTP/1.1 200");
      equal(await ask(server.url, "Host: LOCALHOST.:1"), "HTTP/1.1 200");
      equal(await ask(server.url, "Host: [::1]"), "HTTP/1.1 200");
      equal(await ask(server.url, "Host: app.example"), "HTTP/1.1 421");
      equal(await ask(server.url, page), "HTTP/1.1 403");
      server.signal("SIGINT");
      const { stderr } = await server.ended;
      match(stderr, / WARNING The Host "app\.example" .*--allow-host app\.example/);
      match(stderr, / WARNING Pages of https:\/\/app\.example .*--cors https:\/\/app\.example/);
    }
    const named = ["--cors", "https://app.example", "--allow-host", "app.example"];
    await using server = await start([...flags, ...named]);
    equal(await ask(server.url, "Host: app.example"), "HTTP/1.1 200");
    equal(await ask(server.url, page), "HTTP/1.1 200");
  });

  test("creates, appends, reads, and says what it refuses", async (flags) => {
    await using server = await start([...flags, "--max-append-bytes", "64KiB"]);
    const stream = `${server.url}/things`;
    equal(await status(fetch(stream, { method: "PUT", headers: TEXT })), 201);
    equal(await status(post(stream, "one\n")), 204);
    equal(await status(post(stream, "two\n")), 204);
    const read = await fetch(stream);
    equal(await read.text(), "one\ntwo\n");
    const next = read.headers.get("stream-next-offset");
    equal(await (await fetch(`${stream}?offset=${next}`)).text(), "");
    equal(await status(post(stream, "x".repeat(64 * 1024 + 1))), 413);
    equal(await status(fetch(`${server.url}/nothing`)), 404);
    equal(await (await fetch(stream)).text(), "one\ntwo\n");
  });

  test("a long read comes whole, also of a stream that is deleted meanwhile", async (flags) => {
    await using server = await start([
      ...[...flags, "--wal-bytes", "8MiB", "--chunk-bytes", "64MiB", "--segment-bytes", "64MiB"],
    ]);
    const [stream, other] = [`${server.url}/long`, `${server.url}/other`];
    const bytes = { "content-type": "application/octet-stream" };
    const piece = Uint8Array.from({ length: MIB }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
    const append = (url: string) => fetch(url, { method: "POST", headers: bytes, body: piece });
    for (const url of [stream, other]) await status(fetch(url, { method: "PUT", headers: bytes }));
    for (let i = 0; i < 16; i++) equal(await status(append(stream)), 204);
    for (let round = 0; round < 2; round++) {
      const answer = await fetch(stream);
      const disposition = answer.headers.get("content-disposition");
      ok(disposition === null || disposition === "inline", `content-disposition: ${disposition}`);
      equal(answer.headers.get("content-type"), "application/octet-stream");
      ok(isRepeated(new Uint8Array(await answer.arrayBuffer()), piece), `round ${round}`);
      const headers = { "if-none-match": answer.headers.get("etag") ?? "" };
      equal(await status(fetch(stream, { headers })), 304);
    }
    const { headers: head } = await fetch(stream, { method: "HEAD" });
    const fifth = (head.get("stream-next-offset") ?? "").replace(/\d{16}$/, "5".padStart(16, "0"));
    const slow = await fetch(`${stream}?offset=${fifth}`);
    equal(slow.status, 200);
    equal(await status(fetch(stream, { method: "DELETE" })), 204);
    // The checkpoints that this brings remove the deleted stream's files.
    for (let i = 0; i < 16; i++) equal(await status(append(other)), 204);
    const rest = new Uint8Array(await slow.arrayBuffer());
    ok(isRepeated(Uint8Array.from([...piece.subarray(0, 5), ...rest]), piece));
    equal(await status(fetch(stream)), 404);
    // Nobody holds what was deleted, once a checkpoint has removed it.
    await until(async () => {
      equal(await status(append(other)), 204);
      return !isOpen(server.pid, "segments/01/0000000000000001-");
    }, () => "a deleted stream's segment is still open");
  });

  test("a long read of JSON is the array of its messages", async (flags) => {
    await using server = await start([...flags, "--wal-bytes", "8MiB", "--chunk-bytes", "300KiB"]);
    const stream = `${server.url}/json`;
    const json = { "content-type": "application/json" };
    await status(fetch(stream, { method: "PUT", headers: json }));
    const messages = Array.from({ length: 400 }, (_, i) => ({ i, text: "ü".repeat(i * 7) }));
    for (let i = 0; i < 16; i++) {
      const body = JSON.stringify(messages);
      equal(await status(fetch(stream, { method: "POST", headers: json, body })), 204);
    }
    for (let round = 0; round < 3; round++) {
      const all: unknown[] = [];
      for (let offset = "-1", isOn = true; isOn;) {
        const answer = await fetch(`${stream}?offset=${offset}`);
        all.push(...await answer.json());
        offset = answer.headers.get("stream-next-offset") ?? "";
        isOn = answer.headers.get("stream-up-to-date") === null;
      }
      deepEqual(all, Array.from({ length: 16 }, () => messages).flat(), `round ${round}`);
    }
  });

  test("a long-poll and an SSE reader see an append", async (flags) => {
    await using server = await start(flags);
    const stream = `${server.url}/live`;
    await status(fetch(stream, { method: "PUT", headers: TEXT }));
    const poll = fetch(`${stream}?offset=now&live=long-poll`);
    using sse = await openSse(stream);
    await status(post(stream, "news"));
    equal(await (await poll).text(), "news");
    match(await sse.until("data:news"), /^HTTP\/1\.1 200 /);
  });

  test("SIGTERM answers waiting readers and ends with 0, and nothing has to be cut", async (flags) => {
    await using server = await start(flags);
    const stream = `${server.url}/waiting`;
    await status(fetch(stream, { method: "PUT", headers: TEXT }));
    using sse = await openSse(stream);
    using poll = new RawConnection(server.url);
    poll.send(get(`${stream}?offset=now&live=long-poll`));
    using idle = new RawConnection(server.url);
    idle.send(get(stream));
    await idle.until("\r\n\r\n");
    using upload = await startUpload(stream);

    server.signal("SIGTERM");
    await sse.until("\r\n0\r\n\r\n");
    match(await poll.until("\r\n\r\n"), /^HTTP\/1\.1 204 /);
    upload.send("fghij");
    match(await upload.until("\r\n\r\n"), /^HTTP\/1\.1 204 /);
    const { code, stderr } = await server.ended;
    equal(code, 0, stderr);
    doesNotMatch(stderr, CUTTING);
    await idle.closed();
  });

  test("SIGHUP with nothing to reload changes nothing where no terminal controls it", async (flags) => {
    await using server = await startServer(["setsid", ...await target.command()], flags);
    server.signal("SIGHUP");
    await until(() => server.stderr().includes("SIGHUP: nothing to reload"), server.stderr);
    equal(await status(fetch(`${server.url}/none`)), 404);
    server.signal("SIGTERM");
    const { code, stderr } = await server.ended;
    equal(code, 0);
    match(stderr, /stopping .*SIGTERM/);
  });

  test("the end of its terminal ends it with 0, except where it was started to outlive that", async (flags) => {
    const log = join(flags.at(-1) ?? "", "..", "stderr");
    const command = [...await target.command(), ...flags].map((part) => `'${part}'`).join(" ");
    // Of util-linux: it gives the program a terminal.
    const inTerminal = (before: string) => {
      const line = `stty -onlcr; ${before} exec ${command} 2> '${log}'`;
      return startServer(["script", "-qec", line, "/dev/null"], []);
    };
    const stderr = () => readFileSync(log, "utf8");
    const pid = () => Number(/started pid=(\d+)/.exec(stderr())?.[1]);
    {
      await using server = await inTerminal("");
      Deno.kill(pid(), "SIGHUP");
      equal((await server.ended).code, 0, stderr());
      match(stderr(), /stopping signal=SIGHUP/);
    }
    // Node forgets at its start which signals it was told to ignore.
    if (target.name.startsWith("node")) return;
    await using kept = await inTerminal('trap "" HUP;');
    Deno.kill(pid(), "SIGHUP");
    equal(await status(fetch(`${kept.url}/none`)), 404);
    Deno.kill(pid(), "SIGTERM");
    equal((await kept.ended).code, 0, stderr());
    match(stderr(), /stopping signal=SIGTERM/);
  });

  test("SIGHUP reads the configuration again where there is one, and a bad one changes nothing", async (flags) => {
    const config = join(flags.at(-1) ?? "", "..", "streams.toml");
    const log = join(flags.at(-1) ?? "", "..", "access.log");
    writeFileSync(config, 'log-level = "warn"\naccess-log = "none"');
    await using server = await start([...flags, "--config", config, "--access-log-file", log]);
    equal(await status(fetch(`${server.url}/none?before`)), 404);
    const rules = 'quota = "few/** = 1 streams"\n[retention]\n"few/**" = { messages = 1000 }';
    const changed = `log-level = "info"\naccess-log = "json"\nmax-producers = 7\n${rules}`;
    writeFileSync(config, changed);
    server.signal("SIGHUP");
    await until(async () => {
      await status(fetch(`${server.url}/none?after`, { headers: { "x-request-id": "r-1" } }));
      return existsSync(log) && readFileSync(log, "utf8").includes('"id":"r-1"');
    }, () => `no line in the access log: ${server.stderr()}`);
    const create = (name: string) =>
      status(fetch(`${server.url}/few/${name}`, { method: "PUT", headers: TEXT }));
    equal(await create("a"), 201);
    equal(await create("b"), 507);
    const { headers } = await fetch(`${server.url}/few/a`, { method: "HEAD" });
    equal(headers.get("stream-retention"), "messages=1000");
    writeFileSync(config, "port = 70000");
    server.signal("SIGHUP");
    await until(() => server.stderr().includes("not reloaded"), server.stderr);
    equal(await create("b"), 507);
    server.signal("SIGTERM");
    const { code, stderr } = await server.ended;
    equal(code, 0, stderr);
    match(stderr, /INFO reloaded changed=\["quota","retention","access-log","log-level"\]/);
    match(stderr, /WARNING needs a restart: max-producers\n/);
    match(stderr, /ERROR not reloaded, all settings stay as they were: .*streams\.toml:1:8: port/);
    doesNotMatch(readFileSync(log, "utf8"), /before/);
  });

  test("a request that never ends is cut before its own time is up", async (flags) => {
    await using server = await start(flags);
    const stream = `${server.url}/stuck`;
    await status(fetch(stream, { method: "PUT", headers: TEXT }));
    using upload = await startUpload(stream);
    server.signal("SIGTERM");
    const { code, stderr } = await server.ended;
    equal(code, 0, stderr);
    match(stderr, CUTTING);
    await upload.closed();
  });

  test("a second signal ends it at once", async (flags) => {
    await using server = await start(flags);
    const stream = `${server.url}/stuck`;
    await status(fetch(stream, { method: "PUT", headers: TEXT }));
    using upload = await startUpload(stream);
    server.signal("SIGTERM");
    // Refused or turned away: either says that the first signal has arrived.
    await until(
      async () => await status(fetch(stream)).catch(() => 0) !== 200,
      () => "the first signal has arrived",
    );
    server.signal("SIGINT");
    equal((await server.ended).code, 130);
    await upload.closed();
  });

  test("started again it has what it had, after SIGTERM and after SIGKILL", async (flags) => {
    for (const [round, signal] of (["SIGTERM", "SIGKILL", "SIGTERM"] as const).entries()) {
      await using server = await start(flags);
      const stream = `${server.url}/kept`;
      equal(await status(fetch(stream, { method: "PUT", headers: TEXT })), round === 0 ? 201 : 200);
      equal(await status(post(stream, `${round}\n`)), 204);
      const all = Array.from({ length: round + 1 }, (_, index) => `${index}\n`).join("");
      equal(await (await fetch(stream)).text(), all);
      server.signal(signal);
      await server.ended;
    }
  });

  test("a port in use ends the start with 1 and one line", async (flags) => {
    await using server = await start(flags);
    const port = new URL(server.url).port;
    const command = await target.command();
    const samePort = await runCommand(
      [...command, "--port", port, "--storage", "memory"],
      { limitMinutes: 1 },
    );
    equal(samePort.code, 1);
    match(
      samePort.output,
      /^\S+ FATAL cannot start: 127\.0\.0\.1:\d+ is in use[^\n]+--port\n$/,
    );
    const other = `${flags.at(-1)}-other`;
    const untouched = await runCommand([...command, "--port", port, "--dir", other], {
      limitMinutes: 1,
    });
    equal(untouched.code, 1, untouched.output);
    equal(existsSync(other), false, "nothing was made for it");
  });

  test("a directory in use ends the start with 1, and whoever has it goes on", async (flags) => {
    await using server = await start(flags);
    const second = await runCommand([...await target.command(), ...flags], { limitMinutes: 1 });
    equal(second.code, 1);
    match(
      second.output,
      / FATAL cannot start: [^\n]+another server, process \d+, holds the directory/,
    );
    doesNotMatch(second.output, /listening on/);
    equal(await status(fetch(`${server.url}/none`)), 404);
  });

  test("out of open files, it takes connections again once there are some", async (flags) => {
    const shell = ["sh", "-c", 'ulimit -n 96; exec "$@"', "sh", ...await target.command()];
    await using server = await startServer(shell, [...flags, "--storage", "memory"]);
    const stream = `${server.url}/flood`;
    await status(fetch(stream, { method: "PUT", headers: TEXT }));
    const connections = Array.from({ length: 120 }, () => new RawConnection(server.url));
    const first = connections[0];
    ok(first);
    first.send(get(stream));
    await first.until("\r\n\r\n").catch(() => {});
    for (const connection of connections) connection[Symbol.dispose]();
    await until(
      async () => await status(fetch(stream)).catch(() => 0) === 200,
      () => "it serves",
    );
  });
}

function get(url: string): string {
  return `GET ${url.slice(new URL(url).origin.length)} HTTP/1.1\nHost: localhost\n\n`;
}

async function openSse(stream: string): Promise<RawConnection> {
  const connection = new RawConnection(stream);
  connection.send(get(`${stream}?offset=-1&live=sse`));
  await connection.until("event: control");
  return connection;
}

/** An append of ten bytes of which half are sent, and which the server has begun to serve. */
async function startUpload(stream: string): Promise<RawConnection> {
  const connection = new RawConnection(stream);
  const path = new URL(stream).pathname;
  connection.send(
    `POST ${path} HTTP/1.1\nHost: localhost\nContent-Type: text/plain\nContent-Length: 10\n\nabcde`,
  );
  await connection.connected;
  // Whoever connected later was answered, so this one is being served; `fetch` would use a connection
  // that is older.
  for (let i = 0; i < 3; i++) {
    using later = new RawConnection(stream);
    later.send(get(stream));
    await later.until("\r\n\r\n");
  }
  return connection;
}

/** Whether a process has a file open whose path has this in it; false where the system can't tell. */
function isOpen(pid: number, part: string): boolean {
  const folder = `/proc/${pid}/fd`;
  if (!existsSync(folder)) return false;
  return readdirSync(folder).some((name) => {
    try {
      return readlinkSync(join(folder, name)).includes(part);
    } catch {
      return false;
    }
  });
}

/** Whether all of these are whole pieces, one after the other, and there are some. */
function isRepeated(bytes: Uint8Array, piece: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length % piece.length !== 0) return false;
  for (let at = 0; at < bytes.length; at += piece.length) {
    if (Buffer.compare(bytes.subarray(at, at + piece.length), piece) !== 0) return false;
  }
  return true;
}

function post(url: string, body: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: TEXT, body });
}

async function status(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.body?.cancel();
  return response.status;
}
