/** The load generator: reads a command a line from standard input, answers each with a line of JSON. */
import process from "node:process";
import { createInterface } from "node:readline";
import { append } from "./append.ts";
import { catchUp } from "./catch_up.ts";
import type { Command, Measurement, Reply } from "./commands.ts";
import { deliver } from "./deliver.ts";
import { appendEach, create, fill, subscribe } from "./prepare.ts";
import { fair } from "./fair.ts";
import { readRandom } from "./read_random.ts";
import { tail } from "./tail.ts";
import { wake } from "./wake.ts";

async function run(command: Command): Promise<Measurement | undefined> {
  switch (command.op) {
    case "create":
      await create(command);
      return undefined;
    case "fill":
      await fill(command);
      return undefined;
    case "append-each":
      await appendEach(command);
      return undefined;
    case "append":
      return await append(command);
    case "catch-up":
      return await catchUp(command);
    case "read-random":
      return await readRandom(command);
    case "tail":
      return await tail(command);
    case "deliver":
      return await deliver(command);
    case "fair":
      return await fair(command);
    case "subscribe":
      await subscribe(command);
      return undefined;
    case "wake":
      return await wake(command);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply: Reply;
  try {
    const command: Command = JSON.parse(line);
    const measurement = await run(command);
    reply = measurement === undefined ? { ok: true } : { ok: true, measurement };
  } catch (error) {
    reply = { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
  console.log(JSON.stringify(reply));
}
