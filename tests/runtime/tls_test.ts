import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import {
  AUTHORITY,
  type CertificatePair,
  CLIENT,
  FIRST,
  SECOND,
  STRANGER,
} from "../support/certificates.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { runCommand } from "../tools/command.ts";
import { RawConnection } from "./raw_http.ts";
import { type ServerProcess, startServer } from "./server_process.ts";
import { HTTP_TARGETS, WORKER_TARGETS } from "./targets.ts";
import { askTls, connectTls } from "./tls_client.ts";

/** TLS and sockets in the file system, on each runtime and over each server. */

const TARGETS = HTTP_TARGETS.filter(({ name }) => name !== "executable");
const LONG_BYTES = 10 * 1024 * 1024;
const BINARY = "Content-Type: application/octet-stream\r\n";
const READERS = 20;

interface Running {
  readonly server: ServerProcess;
  readonly dir: string;
  /** Puts a pair where the server reads its own from. */
  install(cert: string, key: string): void;
}

async function withServer(
  command: readonly string[],
  flags: readonly string[],
  run: (running: Running) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const [certFile, keyFile] = [join(dir, "cert.pem"), join(dir, "key.pem")];
    const install = (cert: string, key: string) => {
      writeFileSync(certFile, cert);
      writeFileSync(keyFile, key);
    };
    install(FIRST.cert, FIRST.key);
    const all = ["--dir", join(dir, "data"), "--port", "0", "--tls-cert", certFile];
    await using server = await startServer(command, [...all, "--tls-key", keyFile, ...flags]);
    await run({ server, dir, install });
    server.signal("SIGINT");
    const { code, stderr } = await server.ended;
    equal(code, 0, stderr);
  });
}

/** Bytes that are nowhere like those before. */
function longData(): Buffer<ArrayBuffer> {
  const data = Buffer.alloc(LONG_BYTES);
  let state = 1;
  for (let at = 0; at < LONG_BYTES; at += 4) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    data.writeInt32LE(state, at);
  }
  return data;
}

function hashOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

async function nameSeen(url: string, client?: CertificatePair): Promise<string> {
  return (await askTls(url, client === undefined ? {} : { client })).serverName;
}

for (const { name, command } of TARGETS) {
  const isOwn = !name.includes("runtime");

  Deno.test(`${name}: over TLS a catch-up of 10 MiB is byte for byte what was appended`, async () => {
    await withServer(await command(), ["--chunk-bytes", "16MiB"], async ({ server }) => {
      match(server.url, /^https:\/\/127\.0\.0\.1:\d+\/v1\/stream$/);
      const url = `${server.url}/long`;
      const created = await askTls(url, { method: "PUT", headers: BINARY });
      equal(created.status, 201);
      match(created.head, new RegExp(`^location: ${url}\\r?$`, "im"));
      const data = longData();
      const half = LONG_BYTES / 2;
      for (const body of [data.subarray(0, half), data.subarray(half)]) {
        equal((await askTls(url, { method: "POST", headers: BINARY, body })).status, 204);
      }
      let stops = 0;
      // A slow reader, which the server can't give all at once.
      const slow = askTls(`${url}?offset=-1`, {
        onData(socket) {
          if (++stops % 16 !== 0) return;
          socket.pause();
          setTimeout(() => socket.resume(), 5);
        },
      });
      for (const response of await Promise.all([askTls(`${url}?offset=-1`), slow])) {
        deepEqual([response.status, response.body.length], [200, LONG_BYTES]);
        equal(hashOf(response.body), hashOf(data));
      }
    });
  });

  Deno.test(`${name}: what isn't TLS 1.2 is ended at once, and harms nobody`, async () => {
    const flags = ["--storage", "memory", "--log-level", "debug"];
    await withServer(await command(), flags, async ({ server }) => {
      const url = server.url.replace("https:", "http:");
      using plain = new RawConnection(url);
      await plain.connected;
      plain.send("GET /v1/stream/a HTTP/1.1\nHost: localhost\n\n");
      const answer = await plain.closed();
      // Of the others none can, once TLS is about to begin.
      if (name === "node") {
        match(answer, /^HTTP\/1\.1 400 [^]*\r\n\r\nThis port speaks TLS: use https:/);
      } else equal(answer.includes("HTTP/1.1 "), false);
      if (isOwn) await until(() => server.stderr().includes("spoke plain HTTP"), server.stderr);
      match(await answerToOldHello(url), /^(alert|nothing)/);
      // A client that leaves in the middle of its handshake.
      using gone = new RawConnection(url);
      await gone.connected;
      gone.send("\x16\x03\x01");
      gone[Symbol.dispose]();
      const { protocol, status } = await askTls(`${server.url}/a`, {
        protocols: isOwn ? ["h2", "http/1.1"] : ["http/1.1"],
      });
      deepEqual([protocol, status], ["http/1.1", 404]);
    });
  });

  Deno.test(`${name}: a new certificate serves new connections, and open readers go on`, async () => {
    await withServer(await command(), ["--storage", "memory"], async ({ server, install }) => {
      const url = `${server.url}/a`;
      const headers = "Content-Type: text/plain\r\n";
      equal((await askTls(url, { method: "PUT", headers })).status, 201);
      const reader = await connectTls(url);
      let seen = "";
      reader.setEncoding("utf8").on("data", (text: string) => seen += text);
      reader.write("GET /v1/stream/a?offset=now&live=sse HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await until(() => seen.includes("event: control"), () => `no event in ${seen}`);
      equal(await nameSeen(url), "first");
      // A pair that isn't one: as it is where only one file has been replaced yet.
      install(SECOND.cert, FIRST.key);
      server.signal("SIGHUP");
      equal(await nameSeen(url), "first");
      install(SECOND.cert, SECOND.key);
      server.signal("SIGHUP");
      await until(
        async () => await nameSeen(url).catch(() => "") === "second",
        () => "the first certificate stays",
      );
      const body = Buffer.from("after the change");
      equal((await askTls(url, { method: "POST", headers, body })).status, 204);
      await until(() => seen.includes("after the change"), () => `no data in ${seen}`);
      reader.destroy();
    });
  });

  if (isOwn || name.startsWith("bun")) {
    Deno.test(`${name}: with --tls-client-ca only clients with a certificate by it are let in`, async () => {
      await withTempDir(async (dir) => {
        const ca = join(dir, "ca.pem");
        writeFileSync(ca, AUTHORITY);
        const flags = ["--storage", "memory", "--tls-client-ca", ca];
        await withServer(await command(), flags, async ({ server, install }) => {
          const check = async (serverName: string) => {
            const url = `${server.url}/a`;
            await until(
              async () => await nameSeen(url, CLIENT).catch(() => "") === serverName,
              () => `the certificate isn't ${serverName}`,
            );
            const { status } = await askTls(url, { client: CLIENT });
            equal(status, 404);
            await rejects(askTls(url).then(onlyAnswered));
            await rejects(askTls(url, { client: STRANGER }).then(onlyAnswered));
          };
          await check("first");
          install(SECOND.cert, SECOND.key);
          server.signal("SIGHUP");
          await check("second");
        });
      });
    });
  }

  if (!isOwn) {
    Deno.test(`${name}: twenty SSE readers share one HTTP/2 connection`, async () => {
      await withServer(await command(), ["--storage", "memory"], async ({ server }) => {
        const url = `${server.url}/a`;
        const headers = "Content-Type: text/plain\r\n";
        equal((await askTls(url, { method: "PUT", headers })).status, 201);
        const session = connectHttp2(new URL(url).origin, { ca: AUTHORITY });
        const seen: string[] = [];
        for (let index = 0; index < READERS; index++) {
          const reader = session.request({ ":path": "/v1/stream/a?offset=now&live=sse" });
          seen.push("");
          reader.setEncoding("utf8");
          reader.on("data", (text: string) => seen[index] += text);
          reader.on("error", () => {});
          reader.end();
        }
        const all = (text: string) => seen.every((each) => each.includes(text));
        await until(() => all("event: control"), () => `not all have begun: ${seen.join("\n")}`);
        const body = Buffer.from("for all of them");
        equal((await askTls(url, { method: "POST", headers, body })).status, 204);
        await until(() => all("for all of them"), () => `not all have it: ${seen.join("\n")}`);
        session.destroy();
      });
    });
  }

  Deno.test(`${name}: a socket in the file system serves its owner, and follows a stale one`, async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "streams.sock");
      const all = [...await command(), "--storage", "memory", "--host", `unix:${path}`];
      const get = async () => {
        const socket = connect(path);
        socket.write("GET /health HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n");
        let text = "";
        socket.setEncoding("utf8").on("data", (part: string) => text += part);
        await once(socket, "close");
        return text;
      };
      const first = await startServer(all, []);
      try {
        equal(first.url, `unix:${path}`);
        equal((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o660);
        match(await get(), /^HTTP\/1\.1 200 /);
        const { code, output } = await runCommand(all, { limitMinutes: 1 });
        equal(code, 1);
        match(output, /streams\.sock is in use: end the program that listens there/);
        match(await get(), /^HTTP\/1\.1 200 /);
      } finally {
        await first[Symbol.asyncDispose]();
      }
      equal(Deno.lstatSync(path).isSocket, true, "a killed server leaves its socket");
      await using second = await startServer(all, ["--socket-mode", "0600"]);
      equal((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o600);
      match(await get(), /^HTTP\/1\.1 200 /);
      second.signal("SIGINT");
      equal((await second.ended).code, 0);
      await rejects(Deno.lstat(path), Deno.errors.NotFound);
    });
  });
}

for (const { name, command } of WORKER_TARGETS.filter((each) => !each.name.startsWith("exec"))) {
  Deno.test(`${name}: every thread speaks TLS and takes the new certificate`, async () => {
    await withServer(await command(), ["--storage", "memory"], async ({ server, install }) => {
      const names = async () => {
        const all = Array.from({ length: 8 }, () => nameSeen(`${server.url}/a`));
        return [...new Set(await Promise.all(all))].join();
      };
      equal(await names(), "first");
      install(SECOND.cert, SECOND.key);
      server.signal("SIGHUP");
      await until(async () => await names() === "second", () => "a thread has the first one");
    });
  });
}

function onlyAnswered({ status }: { status: number }): void {
  if (Number.isNaN(status)) throw new Error("no answer");
}

/** The beginning of the answer to a client that speaks TLS 1.1 at most (RFC 4346 §7.4.1.2). */
async function answerToOldHello(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const hello = Buffer.from([0x03, 0x02, ...Array(32).fill(7), 0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]);
  const length = Buffer.from([0x16, 0x03, 0x01, 0, hello.length + 4, 1, 0, 0, hello.length]);
  socket.write(Buffer.concat([length, hello]));
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {});
  await new Promise((resolve) => socket.on("close", resolve));
  const answer = Buffer.concat(parts);
  if (answer.length === 0) return "nothing";
  return answer[0] === 0x15 ? `alert ${answer[6]}` : answer.toString("hex");
}
