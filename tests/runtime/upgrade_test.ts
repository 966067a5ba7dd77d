import { equal, match } from "node:assert/strict";
import process from "node:process";
import { runCommand } from "../tools/command.ts";
import { RawConnection } from "./raw_http.ts";
import { startServer } from "./server_process.ts";
import { HTTP_TARGETS, WORKER_TARGETS } from "./targets.ts";

/**
 * Clients that would rather speak HTTP/2 and ask for it by `Upgrade`, which a server may pass over
 * (RFC 9110 §7.8): they are answered by HTTP/1.1. `Deno.serve` answers them with an empty 400.
 */

/** Just what Java's `HttpClient` sends, with each of its requests. */
const JAVA = `Connection: Upgrade, HTTP2-Settings
Content-Length: LENGTH
Host: HOST
HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA
Upgrade: h2c
User-Agent: Java-http-client/17.0.15
Content-Type: text/plain

`;

const hasCurl = await runCommand(["curl", "--version"], { limitMinutes: 1 })
  .then(({ output }) => /^Features:.*\bHTTP2\b/m.test(output), () => false);
/** In CI a missing curl is a failure, and elsewhere a reason to skip. */
const isSkipped = !hasCurl && process.env["CI"] !== "true";

for (const { name, command } of [...HTTP_TARGETS, ...WORKER_TARGETS]) {
  if (name === "deno-runtime-http") continue;
  const start = async () => startServer(await command(), ["--port", "0", "--storage", "memory"]);

  Deno.test(`${name}: the upgrade request of Java's client is answered by HTTP/1.1`, async () => {
    await using server = await start();
    const { host, pathname } = new URL(`${server.url}/java`);
    using connection = new RawConnection(server.url);
    let seen = 0;
    const ask = async (method: string, body: string, end: string) => {
      const head = JAVA.replace("LENGTH", String(body.length)).replace("HOST", host);
      connection.send(`${method} ${pathname} HTTP/1.1\n${head}`);
      if (body !== "") connection.send(body);
      const answer = (await connection.after(seen, end)).slice(seen);
      seen += answer.length;
      return answer;
    };
    match(await ask("PUT", "", "\r\n\r\n"), /^HTTP\/1\.1 201 /);
    match(await ask("POST", "hello", "\r\n\r\n"), /^HTTP\/1\.1 204 /);
    match(await ask("GET", "", "hello"), /^HTTP\/1\.1 200 /);
    match(await ask("DELETE", "", "\r\n\r\n"), /^HTTP\/1\.1 204 /);
  });

  Deno.test({
    name: `${name}: curl --http2 appends${
      isSkipped ? " (skipped: needs curl with HTTP/2, apt-get install curl)" : ""
    }`,
    ignore: isSkipped,
    fn: async () => {
      await using server = await start();
      const stream = `${server.url}/curl`;
      const curl = async (...args: string[]) => {
        const words = ["curl", "-s", "-w", "%{http_code}", "--http2", ...args, stream];
        return (await runCommand(words, { limitMinutes: 1 })).output;
      };
      const type = ["-H", "content-type: text/plain"];
      equal(await curl("-X", "PUT", ...type), "201");
      equal(await curl("-X", "POST", ...type, "-d", "hello"), "204");
      equal(await curl(), "hello200");
    },
  });
}
