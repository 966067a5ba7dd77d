import { equal, match, ok } from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { type CommandProcess, startCommand } from "../commands/command_process.ts";
import { until } from "../support/until.ts";
import { installTestTools } from "../tools/install.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";
import { bun } from "./targets.ts";

const RUNTIMES: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["deno", [Deno.execPath(), "run", "-A"]],
  ["bun", [bun]],
];
const SERVER = [Deno.execPath(), "run", "-A", inRepo("main.ts")];

/** Runs a test against a server in memory. */
async function withServer(use: (url: string, client: Client) => Promise<void>): Promise<void> {
  await installTestTools();
  const server = await startProgram([...SERVER, "--storage", "memory", "--port", "0"]);
  try {
    await use(server.url, new Client(server.url));
    await server.stop();
  } finally {
    await server.kill();
  }
}

for (const [name, command] of RUNTIMES) {
  Deno.test(`${name}: examples/webhook_worker.ts takes the server's webhooks and no others`, () =>
    withServer(async (url, client) => {
      const env = { PORT: "0", STREAMS_URL: url };
      const worker = await startProgram([...command, "examples/webhook_worker.ts"], { env });
      try {
        const tail = (await client.create("mail/ada", {
          contentType: "text/plain",
          initialData: "hello",
        })).nextOffset;
        const subscription = client.subscription("mail");
        await until(async () => {
          const { streams } = await subscription.get();
          return streams[0]?.ackedOffset === tail;
        }, () => worker.output());
        match(worker.output(), /^mail\/ada: hello$/m);

        const forged = await fetch(worker.url, { method: "POST", body: "{}" });
        equal(forged.status, 401);
        match(await forged.text(), /no Webhook-Signature/);
        await client.writer("mail/ada").send("bye");
        await until(() => /^mail\/ada: bye$/m.test(worker.output()), () => worker.output());
      } finally {
        await worker.kill();
      }
    }));

  Deno.test(`${name}: of a pool of examples/pool_worker.ts one is killed and another takes over`, () =>
    withServer(async (url, client) => {
      const program = [...command, "examples/pool_worker.ts"];
      const pool = ["ada", "bob", "eve"]
        .map((worker) => [worker, startCommand(program, { url, args: [worker] })] as const);
      const shows = (what: string) => pool.find(([, { output }]) => output().includes(what))?.[0];
      const printed = () => pool.map(([, { output }]) => output()).join("");
      try {
        await Promise.all(pool.map(([, worker]) => worker.shows("waits for work")));
        await client.create("jobs/1", { contentType: "text/plain", initialData: "letter" });
        await until(() => shows("begins with letter") !== undefined, printed);
        const killed = shows("begins with letter");
        const survivors: CommandProcess[] = [];
        for (const [worker, process] of pool) {
          if (worker === killed) process.signal("SIGKILL");
          else survivors.push(process);
        }
        await until(() => shows("is done with letter") !== undefined, printed);
        ok(shows("is done with letter") !== killed, printed());
        equal(printed().match(/begins with letter/g)?.length, 2, printed());
        for (const worker of survivors) worker.signal("SIGTERM");
        for (const worker of survivors) equal((await worker.ended).code, 0);
      } finally {
        for (const [, worker] of pool) await worker[Symbol.asyncDispose]();
      }
    }));
}
