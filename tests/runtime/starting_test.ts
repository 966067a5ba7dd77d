import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { Client } from "../../src/client/client.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { FIRST, SECOND } from "../support/certificates.ts";
import { copyKilled, withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { inRepo } from "../tools/repo.ts";
import { portOf, startCollector } from "../tracing/otlp_collector.ts";
import { HTTP_TARGETS, WORKER_TARGETS } from "./targets.ts";
import { askTls } from "./tls_client.ts";

/** The program while it applies a long log: nobody is to take it for one without streams. */

/** One of each kind on each runtime would take CI longer than it tells more. */
const NAMES = ["deno", "bun", "deno-workers", "bun-runtime-http"];
const TARGETS = [...HTTP_TARGETS, ...WORKER_TARGETS].filter(({ name }) => NAMES.includes(name));
/** A machine that lets this process wait may have the server ready before it is asked. */
const ATTEMPTS = 5;
const STREAMS = 100;
const ROUNDS = 1500;
const BODY = new TextEncoder().encode("0123456789");

/** A directory as a kill leaves it, whose log takes a start some tenths of a second. */
async function makeKilled(root: string): Promise<string> {
  const dir = `${root}/killed`;
  const storage = await openFileStorage({
    dir: `${root}/live`,
    fsync: "never",
    checkpointIntervalMs: 3_600_000,
  });
  const names = Array.from({ length: STREAMS }, (_, i) => `s${i}`);
  await Promise.all(names.map((name) => storage.create(name, { contentType: "text/plain" })));
  const request = { contentType: "text/plain", body: BODY };
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(names.map((name) => storage.append(name, request)));
  }
  copyKilled(`${root}/live`, dir);
  await storage.close();
  return dir;
}

/** Starts the program; it listens, and may not be ready. */
async function startUnready(
  command: readonly string[],
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args: [...args, ...flags],
    cwd: inRepo(),
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const written = { stdout: "", stderr: "" };
  const collect = async (name: "stdout" | "stderr") => {
    for await (const text of child[name].pipeThrough(new TextDecoderStream())) {
      written[name] += text;
    }
  };
  const ended = Promise.all([child.status, collect("stdout"), collect("stderr")])
    .then(([{ code }]) => ({ code, ...written }));
  const origin = () => /starting: (https?:\S+) answers/.exec(written.stderr)?.[1];
  await until(() => origin() !== undefined, () => written.stderr);
  return {
    origin: origin() ?? "",
    isReady: () => written.stdout.includes("listening on "),
    signal: (name: Deno.Signal) => child.kill(name),
    ended,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await ended;
    },
  };
}

/** Asks a server that starts; whether it was asked in time. */
async function askUnready(
  command: readonly string[],
  flags: readonly string[],
): Promise<boolean> {
  await using server = await startUnready(command, flags);
  const { origin } = server;
  const client = new Client(`${origin}/v1/stream`);
  const waiting = client.head("s1");
  const [read, live] = await Promise.all([
    fetch(`${origin}/v1/stream/s0`),
    fetch(`${origin}/health/live`),
  ]);
  equal(live.status, 200);
  await live.body?.cancel();
  let isSeen = false;
  await until(async () => {
    const wasReady = server.isReady();
    const answer = await fetch(`${origin}/health/ready`);
    const { status } = await answer.json();
    isSeen ||= answer.status === 503 && status === "recovering";
    if (wasReady) equal(status, "ok");
    return wasReady;
  }, () => "it is ready");
  if (read.status === 503) {
    equal(read.headers.get("retry-after"), "1");
    equal((await read.json()).error.code, "starting");
  } else {
    equal(read.status, 200, "the stream is there, or the server starts");
    await read.body?.cancel();
    isSeen = false;
  }
  ok((await waiting) !== undefined);
  const [first] = await Array.fromAsync(client.reader("s0", { readMode: "catch-up" }));
  match(first?.text() ?? "", /^0123456789/);
  server.signal("SIGTERM");
  equal((await server.ended).code, 0);
  return isSeen;
}

Deno.test("while it applies a long log", async (t) => {
  await withTempDir(async (root) => {
    const killed = await makeKilled(root);
    for (const target of TARGETS) {
      const flags = (name: string) => {
        const dir = `${root}/${target.name}-${name}`;
        cpSync(killed, dir, { recursive: true });
        return ["--port", "0", "--dir", dir];
      };
      await t.step(`${target.name}: it lives and isn't ready, and clients wait`, async () => {
        let isSeen = false;
        for (let attempt = 0; attempt < ATTEMPTS && !isSeen; attempt++) {
          isSeen = await askUnready(await target.command(), flags(`read-${attempt}`));
        }
        ok(isSeen, `it was ready before it was asked, ${ATTEMPTS} times`);
      });

      await t.step(`${target.name}: SIGTERM ends it at once, and nothing is lost`, async () => {
        let given = flags("stop");
        let isSeen = false;
        for (let attempt = 0; attempt < ATTEMPTS && !isSeen; attempt++) {
          await using server = await startUnready(await target.command(), given);
          server.signal("SIGTERM");
          const { code, stdout, stderr } = await server.ended;
          equal(code, 0, stderr);
          isSeen = stdout === "";
          if (!isSeen) {
            given = flags(`stop-${attempt}`);
            continue;
          }
          match(stderr, /INFO stopping, before it was ready signal=SIGTERM/);
          doesNotMatch(stderr, /started pid|ERROR|FATAL/);
        }
        ok(isSeen, `it was ready before the signal, ${ATTEMPTS} times`);
        const storage = await openFileStorage({ dir: given.at(-1) ?? "", mustExist: true });
        equal((await storage.head("s7")).tail, ROUNDS * BODY.length);
        await storage.close();
      });
    }
  });
});

/** A NATS server that says nothing until it is to say that it is too old: a start lasts until then. */
async function startSilentNats() {
  const sockets = new Set<Socket>();
  let isTelling = false;
  const tell = (socket: Socket) =>
    socket.write('INFO {"server_id":"old","version":"2.9.0","max_payload":1048576}\r\n');
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", (data) => String(data).includes("PING") && socket.write("PONG\r\n"));
    if (isTelling) tell(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    flags: ["--storage", "nats", "--nats", `nats://127.0.0.1:${portOf(server.address())}`],
    tell() {
      isTelling = true;
      for (const socket of sockets) tell(socket);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

Deno.test("deno: a start that lasts takes up a new certificate, and one that fails tells of its requests", async () => {
  const deno = TARGETS.find(({ name }) => name === "deno");
  await withTempDir(async (dir) => {
    await using collector = await startCollector();
    await using nats = await startSilentNats();
    const [cert, key, accessLog] = [`${dir}/cert.pem`, `${dir}/key.pem`, `${dir}/access.log`];
    writeFileSync(cert, FIRST.cert);
    writeFileSync(key, FIRST.key);
    const files = ["--tls-cert", cert, "--tls-key", key, "--access-log-file", accessLog];
    const flags = ["--port", "0", ...nats.flags, ...files];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "60000" };
    await using server = await startUnready(await deno?.command() ?? [], flags, env);
    const ask = (name: string) => askTls(`${server.origin}/v1/stream/${name}`);
    const { status, serverName } = await ask("first");
    deepEqual([status, serverName], [503, "first"]);
    writeFileSync(cert, SECOND.cert);
    writeFileSync(key, SECOND.key);
    await until(async () => (await ask("asked")).serverName === "second", () => "it is taken up");
    equal((await ask("last")).status, 503);
    nats.tell();
    const { code, stderr } = await server.ended;
    equal(code, 1, stderr);
    match(stderr, /FATAL cannot start: .*2\.9\.0/);
    match(readFileSync(accessLog, "utf8"), /stream\/last/);
    match(collector.text, /stream\/last/);
  });
});
