import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { cpSync } from "node:fs";
import { Client } from "../../src/client/client.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { copyKilled, withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { inRepo } from "../tools/repo.ts";
import { HTTP_TARGETS, WORKER_TARGETS } from "./targets.ts";

/** The program while it applies a long log: nobody is to take it for one without streams. */

const TARGETS = [...HTTP_TARGETS, ...WORKER_TARGETS]
  .filter(({ name }) => /^(deno|bun)/.test(name));
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
async function startUnready(command: readonly string[], flags: readonly string[]) {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args: [...args, ...flags],
    cwd: inRepo(),
    env: { NO_COLOR: "1" },
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
  const origin = () => /starting: (http:\S+) answers/.exec(written.stderr)?.[1];
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
        await using server = await startUnready(await target.command(), flags("read"));
        const { origin } = server;
        const client = new Client(`${origin}/v1/stream`);
        const waiting = client.head("s1");
        const [ready, live, read] = await Promise.all([
          fetch(`${origin}/health/ready`),
          fetch(`${origin}/health/live`),
          fetch(`${origin}/v1/stream/s0`),
        ]);
        ok(!server.isReady(), "it was asked before it was ready");
        deepEqual([ready.status, live.status, read.status], [503, 200, 503]);
        match((await ready.json()).status, /^(starting|recovering)$/);
        equal(read.headers.get("retry-after"), "1");
        equal((await read.json()).error.code, "starting");
        await live.body?.cancel();
        let isSeen = false;
        await until(async () => {
          const answer = await fetch(`${origin}/health/ready`);
          isSeen ||= (await answer.json()).status === "recovering";
          return answer.status === 200;
        }, () => "it is ready");
        ok(isSeen, "it said that it recovers");
        await until(server.isReady, () => "it says that it listens");
        ok((await waiting) !== undefined);
        const [first] = await Array.fromAsync(client.reader("s0", { readMode: "catch-up" }));
        match(first?.text() ?? "", /^0123456789/);
        server.signal("SIGTERM");
        equal((await server.ended).code, 0);
      });

      await t.step(`${target.name}: SIGTERM ends it at once, and nothing is lost`, async () => {
        const given = flags("stop");
        {
          await using server = await startUnready(await target.command(), given);
          server.signal("SIGTERM");
          const { code, stdout, stderr } = await server.ended;
          equal(code, 0, stderr);
          equal(stdout, "");
          match(stderr, /INFO stopping, before it was ready signal=SIGTERM/);
          doesNotMatch(stderr, /started pid|ERROR|FATAL/);
        }
        const storage = await openFileStorage({ dir: given.at(-1) ?? "", mustExist: true });
        equal((await storage.head("s7")).tail, ROUNDS * BODY.length);
        await storage.close();
      });
    }
  });
});
