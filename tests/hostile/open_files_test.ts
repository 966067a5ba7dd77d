import { equal, match, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RawConnection } from "../runtime/raw_http.ts";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { installTestTools } from "../tools/install.ts";
import { startProgram } from "../tools/program.ts";
import { Sockets } from "./sockets.ts";

const TEXT = { "content-type": "text/plain" };
const LIMIT = 200;
const ANSWER_MS = 2_000;

for (const target of RUNTIME_TARGETS.filter(({ name }) => name !== "executable")) {
  Deno.test(`${target.name}: out of open files the server lives, and serves once there are some`, () =>
    withTempDir(async (root) => {
      await installTestTools();
      const flags = ["--port", "0", "--dir", `${root}/streams`, "--max-open-files", "16"];
      // Else there would be fewer connections than files.
      flags.push("--max-connections", "1000");
      const words = [...await target.command(), ...flags].map((word) => `'${word}'`).join(" ");
      const program = await startProgram(["sh", "-c", `ulimit -n ${LIMIT}; exec ${words}`]);
      try {
        const url = `${program.url}/here`;
        equal((await fetch(url, { method: "PUT", headers: TEXT, body: "before;" })).status, 201);
        const sockets = new Sockets();
        for (let i = 0; i < LIMIT * 2; i++) {
          void sockets.get(`${url}?offset=now&live=sse`, { isRead: true });
        }
        // What sends nothing wakes nobody.
        const idle = Array.from({ length: LIMIT * 2 }, () => new RawConnection(url));
        await until(() => program.output().length > 0, () => "it started");
        await sleep(500);
        sockets.destroy();
        for (const connection of idle) connection[Symbol.dispose]();
        await until(() => isServedAnew(url, "after;"), () => "it serves again");
        const text = await (await fetch(`${url}?offset=-1`)).text();
        ok(/^before;(?:after;)+$/.test(text), text);
        await program.stop();
      } finally {
        await program.kill();
      }
    }));
}

for (const target of RUNTIME_TARGETS.filter(({ name }) => name !== "executable")) {
  Deno.test(`${target.name}: idle connections past the limit are told so, and the others are served on`, () =>
    withTempDir(async (root) => {
      await installTestTools();
      const flags = ["--port", "0", "--dir", `${root}/streams`, "--max-connections", "20"];
      const program = await startProgram([...await target.command(), ...flags]);
      const idle: RawConnection[] = [];
      try {
        const url = `${program.url}/here`;
        using first = new RawConnection(url);
        const send = (method: string, body: string) =>
          first.send(
            `${method} ${
              new URL(url).pathname
            } HTTP/1.1\nHost: localhost\nContent-Type: text/plain\n` +
              `Content-Length: ${body.length}\n\n${body}`,
          );
        send("PUT", "");
        await first.until("HTTP/1.1 201");
        for (let i = 0; i < 19; i++) idle.push(new RawConnection(url));
        using last = new RawConnection(url);
        const refusal = await last.closed();
        match(refusal, /^HTTP\/1\.1 503 .*retry-after: 1\r\n.*"too_many_connections"/s);
        send("POST", "on");
        await first.until("HTTP/1.1 204");
        for (const connection of idle) connection[Symbol.dispose]();
        await until(async () => {
          const answer = await fetch(url).catch(() => undefined);
          return await answer?.text() === "on";
        }, () => "there is room again");
        await program.stop();
      } finally {
        for (const connection of idle) connection[Symbol.dispose]();
        await program.kill();
      }
    }));
}

/** Whether an append over a connection of its own is answered soon: one that is kept would prove nothing. */
async function isServedAnew(url: string, body: string): Promise<boolean> {
  using connection = new RawConnection(url);
  connection.send(
    `POST ${new URL(url).pathname} HTTP/1.1\nHost: localhost\nContent-Type: text/plain\n` +
      `Content-Length: ${body.length}\n\n${body}`,
  );
  const answered = connection.until("HTTP/1.1 204").then(() => true, () => false);
  return await Promise.race([answered, sleep(ANSWER_MS, false)]);
}
