import { equal, ok } from "node:assert/strict";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type AttackedServer, underAttack } from "./attacked_server.ts";

/** What a runtime takes beside that for the other clients, and has not collected yet. */
const SPARE_MIB = 30;
/**
 * What the server may do before it comes to another client's request: its own time on a core, since on
 * a busy machine an answer takes as long as the machine likes.
 */
const SLOWEST_MS = 250;
const LIMIT_MIB = 10;

/** Sends a body in so many chunks as fast as they are taken, and resolves to the answer's status. */
function sendChunks(url: string, chunk: string, count: number): Promise<number> {
  const { hostname, port, pathname, host } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let status = 0;
    socket.setEncoding("latin1").on("data", (text: string) => {
      status ||= Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);
      socket.destroy();
    });
    // An early answer ends the connection while the rest is being sent.
    socket.on("error", () => {});
    socket.on("close", () => resolve(status));
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/plain\r\n` +
        "Transfer-Encoding: chunked\r\n\r\n",
    );
    const bytes = `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    socket.write(`${bytes.repeat(count)}0\r\n\r\n`);
  });
}

/** The dearest wait of others and the most memory, until the returned function is called. */
function watch(server: AttackedServer): () => Promise<{ slowestMs: number; mostMib: number }> {
  let isOver = false;
  const seen = { slowestMs: 0, mostMib: 0 };
  const watching = (async () => {
    while (!isOver) {
      const { cpuMs: startedMs } = server.figures();
      await server.health();
      const { cpuMs, rssMib } = server.figures();
      seen.slowestMs = Math.max(seen.slowestMs, cpuMs - startedMs);
      seen.mostMib = Math.max(seen.mostMib, rssMib);
      await sleep(5);
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    return seen;
  };
}

for (const [count, chunk] of [[20_000, "x"], [20_000, "token"], [1_000_000, "x"]] as const) {
  underAttack(
    `a body in ${count} chunks of ${chunk.length} bytes costs little and keeps nobody waiting`,
    [],
    async (server) => {
      const url = `${server.url}/chunks`;
      const headers = { "content-type": "text/plain" };
      equal((await fetch(url, { method: "PUT", headers })).status, 201);
      // What a runtime makes ready at its first requests is not the body's.
      await sendChunks(url, "x", 10);
      const before = server.figures().rssMib;
      const stop = watch(server);
      const status = await sendChunks(url, chunk, count);
      const { slowestMs, mostMib } = await stop();
      ok(status === 204 || status === 400 || status === 0, String(status));
      ok(slowestMs <= SLOWEST_MS, `${slowestMs} ms`);
      ok(mostMib - before <= 3 * LIMIT_MIB + SPARE_MIB, `${before} to ${mostMib} MiB`);
      console.log(`${status}, slowest ${slowestMs} ms, ${before} to ${mostMib} MiB`);
    },
  );
}
