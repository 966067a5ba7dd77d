import { deepEqual, equal, match } from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bun } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { installTestTools } from "../tools/install.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** A real server whose disk fails: nothing is written from then on, all else goes on until the restart. */

const SCRIPT = inRepo("tests", "disk", "failing_server.ts");
const RUNTIMES = {
  deno: [Deno.execPath(), "run", "-A", "-c", inRepo("deno.json"), SCRIPT],
  bun: [bun, SCRIPT],
};
const TEXT = { "content-type": "text/plain" };
const TIMEOUT_MS = 60_000;

for (const [runtime, command] of Object.entries(RUNTIMES)) {
  for (const failure of ["sync wal", "write wal", "sync segments"]) {
    Deno.test(`${runtime}: after a failed ${failure} nothing is written until the server is started again`, () =>
      withTempDir(async (root) => {
        await installTestTools();
        const control = `${root}/control`;
        const start = () => startProgram([...command, `${root}/streams`, control]);
        let server = await start();
        try {
          await serveUntilFailure(server, () => writeFileSync(control, failure));
          rmSync(control);
          await rejectsWrites(server);
          await server.kill();
          server = await start();
          await servesAgain(server);
          await server.stop();
        } finally {
          await server.kill();
        }
      }));
  }
}

async function serveUntilFailure(server: Program, fail: () => void): Promise<void> {
  for (const name of ["here", "quiet"]) equal((await send(server, "PUT", name)).status, 201);
  equal((await send(server, "POST", "here", "acknowledged;")).status, 204);
  equal((await health(server)).code, 200);
  fail();
  // A segment's sync fails with the next checkpoint, until which appends go on.
  for (const untilMs = Date.now() + TIMEOUT_MS; Date.now() < untilMs;) {
    const answer = await send(server, "POST", "quiet", "x".repeat(5000));
    if (answer.status === 503) return;
    equal(answer.status, 204);
    await sleep(20);
  }
  throw new Error("The failure was never met");
}

async function rejectsWrites(server: Program): Promise<void> {
  const reading = readSse(server, "here");
  let isAnswered = false;
  const waiting = fetch(`${server.url}/here?offset=now&live=long-poll`)
    .then(() => isAnswered = true, () => {});
  for (const [method, name] of [["POST", "here"], ["PUT", "new"], ["DELETE", "here"]] as const) {
    const answer = await send(server, method, name, method === "DELETE" ? undefined : "x");
    equal(answer.status, 503, `${method} ${name}`);
    match(await answer.text(), /"storage_failed".*until the server is started again: .*error/);
  }
  const close = await fetch(`${server.url}/here`, {
    method: "POST",
    headers: { "stream-closed": "true" },
  });
  equal(close.status, 503);
  await close.body?.cancel();
  equal(await read(server, "here"), "acknowledged;");
  match(await reading, /data:acknowledged;|data: acknowledged;/);
  const { code, status, reason } = await health(server);
  deepEqual([code, status], [503, "failed"]);
  match(reason, /takes no writes until the server is started again/);
  equal(server.output().match(/The storage takes no writes any more/g)?.length, 1);
  equal(isAnswered, false, "the reader that waits goes on waiting");
  await server.kill();
  await waiting;
}

async function servesAgain(server: Program): Promise<void> {
  equal((await health(server)).status, "ok");
  equal(await read(server, "here"), "acknowledged;");
  equal((await send(server, "POST", "here", "and on")).status, 204);
  equal(await read(server, "here"), "acknowledged;and on");
}

async function send(server: Program, method: string, name: string, body?: string) {
  const init = { method, headers: TEXT, signal: AbortSignal.timeout(TIMEOUT_MS) };
  const answer = await fetch(
    `${server.url}/${name}`,
    body === undefined ? init : { ...init, body },
  );
  const text = await answer.text();
  return { status: answer.status, text: () => Promise.resolve(text) };
}

async function read(server: Program, name: string): Promise<string> {
  const answer = await fetch(`${server.url}/${name}?offset=-1`);
  equal(answer.status, 200);
  return await answer.text();
}

/** The first events of an SSE reader. */
async function readSse(server: Program, name: string): Promise<string> {
  const answer = await fetch(`${server.url}/${name}?offset=-1&live=sse`);
  let text = "";
  for await (const bytes of answer.body ?? []) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("event: control") || text.includes("event:control")) break;
  }
  return text;
}

async function health(server: Program) {
  const answer = await fetch(`${server.origin}/health`);
  return { code: answer.status, ...await answer.json() };
}
