import { equal, match } from "node:assert/strict";
import { nodeProgram } from "../tools/package_build.ts";
import { runCommand } from "../tools/command.ts";
import { nodePath } from "../tools/node.ts";
import { inRepo } from "../tools/repo.ts";
import { RawConnection } from "./raw_http.ts";
import { startServer } from "./server_process.ts";
import { bun } from "./targets.ts";

/** `serve()` in somebody's own program, on each runtime. */

const PROGRAM = inRepo("tests", "runtime", "serve_program.ts");
const TEXT = { "content-type": "text/plain" };

const RUNTIMES: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  deno: () => Promise.resolve([Deno.execPath(), "run", "-A", "-c", inRepo("deno.json"), PROGRAM]),
  bun: () => Promise.resolve([bun, PROGRAM]),
  node: async () => [await nodePath("22.23.3"), PROGRAM],
};

for (const [name, command] of Object.entries(RUNTIMES)) {
  Deno.test(`${name}: serve() serves a storage until it is stopped`, async () => {
    await using server = await startServer(await command(), []);
    match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/v1\/stream$/);
    const stream = `${server.url}/here`;
    using other = new RawConnection(server.url);
    const ask = (host: string, headers = "") =>
      other.send(`GET /v1/stream/here?offset=-1 HTTP/1.1\nHost: ${host}\n${headers}\n`);
    equal((await fetch(stream, { method: "PUT", headers: TEXT, body: "hello" })).status, 201);
    ask("localhost");
    match(await other.until("hello"), /^HTTP\/1\.1 200 /);
    // Listening on loopback, it takes no other name unless it is told to.
    ask("app.example", "Connection: close\n");
    match((await other.closed()).slice(other.received.indexOf("hello")), /^helloHTTP\/1\.1 421 /);

    using reader = new RawConnection(server.url);
    reader.send(`GET /v1/stream/here?offset=now&live=sse HTTP/1.1\nHost: localhost\n\n`);
    await reader.until("event: control");
    const more = Array.from({ length: 3 }, () => new RawConnection(server.url));
    match(
      await Promise.any(more.map((each) => each.until("}}"))),
      /^HTTP\/1\.1 503 .*"too_many_connections"/s,
    );
    for (const each of more) each[Symbol.dispose]();

    server.signal("SIGINT");
    await reader.until("\r\n0\r\n\r\n");
    const { code, stdout, stderr } = await server.ended;
    equal(code, 0, stderr);
    const port = new URL(server.url).port;
    equal(
      stdout,
      `127.0.0.1:${port} is in use: end the program that listens there, or choose another port ` +
        "(0 picks a free one)\n" +
        "port is 65536: it has to be a whole number from 0 to 65535.\n" +
        `listening on ${server.url}\nstopped\n`,
    );
  });
}

Deno.test("node: --http runtime is refused, and says where there is such a thing", async () => {
  const command = [...await nodeProgram(), "--http", "runtime", "--storage", "memory"];
  const { code, output } = await runCommand(command, { limitMinutes: 1 });
  equal(code, 2);
  match(output, /--http is runtime, which takes Deno or Bun; accepted here: own/);
});
