import { deepEqual, equal, ok } from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "../../src/client/client.ts";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { Random } from "../support/random.ts";
import { installTestTools } from "../tools/install.ts";
import { runCommand, startCommand } from "./command_process.ts";
import { SteadyServer } from "./steady_server.ts";

/**
 * `durable-streams copy --follow` from a server whose streams grow, with the copy and the target killed
 * at any moment, and run again: at the end both hold the same, and nothing twice.
 *
 * TESTS_KILLS how many rounds, TESTS_SEED which.
 */

const ROUNDS = Number(process.env.TESTS_KILLS ?? 3);
const SEED = Number(process.env.TESTS_SEED ?? Date.now() % 1_000_000);
const NAMES = ["json/1", "json/2", "json/3"];
const BATCH = 200;

for (const { name, command } of RUNTIME_TARGETS) {
  Deno.test(`${name}: a copy that is killed again and again holds everything, each once`, async () => {
    await installTestTools();
    const program = await command();
    const random = new Random(SEED);
    console.log(`TESTS_SEED=${SEED}`);
    await using source = await SteadyServer.start();
    await using target = await SteadyServer.start();
    const from = new Client(source.url);
    for (const name of NAMES) await from.create(name, { contentType: "application/json" });
    await from.create("text", { contentType: "text/plain", initialData: "x".repeat(3_000_000) });
    const growing = new AbortController();
    const grown = grow(from, growing.signal);
    const args = ["copy", "--from", source.url, "--to", target.url, "--follow"];
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // The moments are the test's point: any will do, and no outcome hangs on them.
      await using copy = startCommand(program, { url: source.url, args });
      if (round % 2 === 1) {
        await sleep(random.between(300, 900));
        await target.killAndStart();
      }
      await sleep(random.between(300, 1500));
      copy.signal("SIGKILL");
      const end = await copy.ended;
      if (end.signal === "SIGKILL") killed++;
      // It doesn't wait for a target that it never reached.
      else equal(end.code, 5, end.stderr);
    }
    ok(killed > 0);
    growing.abort();
    const counts = await grown;
    const end = await runCommand(program, {
      url: source.url,
      args: [...args, "--until-idle", "0s"],
    });
    equal(end.code, 0, end.stderr);
    const to = new Client(target.url);
    for (const [i, name] of NAMES.entries()) {
      const values = await to.reader(name).allJson<number>();
      ok(values.length === counts[i] && values.every((value, at) => value === at), name);
    }
    equal(await to.reader("text").allText(), await from.reader("text").allText());
    const again = await runCommand(program, {
      url: source.url,
      args: [...args.slice(0, -1), "--json"],
    });
    const lines = new TextDecoder().decode(again.stdout).trimEnd().split("\n");
    const summary: Record<string, unknown> = JSON.parse(lines.at(-1) ?? "");
    deepEqual([again.code, summary["equal"], summary["copied"]], [0, NAMES.length + 1, 0]);
  });
}

/** Appends to all streams until it is aborted; resolves to how many values each has. */
async function grow(client: Client, signal: AbortSignal): Promise<number[]> {
  return await Promise.all(NAMES.map(async (name) => {
    const producer = client.producer(name, { id: "test" });
    let count = 0;
    while (!signal.aborted) {
      for (let i = 0; i < BATCH; i++) await producer.sendJson(count++);
      await sleep(5);
    }
    await producer.close();
    return count;
  }));
}
