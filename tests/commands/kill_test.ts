import { equal, ok } from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { Random } from "../support/random.ts";
import { installTestTools } from "../tools/install.ts";
import { type CommandEnd, runCommand, startCommand } from "./command_process.ts";
import { checkSeq, seq } from "./numbers.ts";
import { SteadyServer } from "./steady_server.ts";

/**
 * `seq 1 N | durable-streams append --lines --producer p`, with the command and the server killed at any
 * moment, and run again: what is read at the end is 1 to N.
 *
 * TESTS_LINES says how many, TESTS_KILLS how many rounds, TESTS_SEED which.
 */

const LINES = Number(process.env.TESTS_LINES ?? 100_000);
const ROUNDS = Number(process.env.TESTS_KILLS ?? 6);
const SEED = Number(process.env.TESTS_SEED ?? Date.now() % 1_000_000);
const LAST_RUNS = 5;

for (const { name, command } of RUNTIME_TARGETS) {
  Deno.test(`${name}: ${LINES} lines survive kills of command and server, each once`, async () => {
    await installTestTools();
    const program = await command();
    const random = new Random(SEED);
    await using server = await SteadyServer.start();
    console.log(`TESTS_SEED=${SEED}`);
    const input = new TextEncoder().encode(seq(LINES));
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const end = await appendUnderKills(program, server, input, random, round === 0);
      if (end.signal === "SIGKILL") killed++;
      ok(end.signal === "SIGKILL" || end.code === 0 || end.code === 5, end.stderr);
    }
    const { url } = server;
    const args = ["append", "numbers", "--lines", "--producer", "p", "--close"];
    let last: CommandEnd | undefined;
    for (let run = 0; run < LAST_RUNS && last?.code !== 0; run++) {
      last = await runCommand(program, { url, args }, input);
    }
    equal(last?.code, 0, last?.stderr);
    const { code, stdout } = await runCommand(program, { url, args: ["read", "numbers"] });
    equal(code, 0);
    checkSeq(stdout, LINES);
    ok(ROUNDS === 0 || killed > 0, "some runs were killed");
  });
}

/**
 * One run that is fed in pieces, and in which one or both are killed.
 *
 * @param isKilled whether it is killed for certain: its input doesn't end before
 */
async function appendUnderKills(
  program: readonly string[],
  server: SteadyServer,
  input: Uint8Array,
  random: Random,
  isKilled: boolean,
): Promise<CommandEnd> {
  const { url } = server;
  const args = ["append", "numbers", "--lines", "--producer", "p"];
  await using append = startCommand(program, { url, args });
  // The moments are the test's point: any will do, and no outcome hangs on them.
  const killsCommand = isKilled || random.chance(0.7);
  const killsServer = !killsCommand || random.chance(0.5);
  const commandMs = random.between(50, 900);
  const serverMs = random.between(50, 900);
  const pauses = random.between(5, 25);
  const commandKill = killsCommand
    ? sleep(commandMs).then(() => append.signal("SIGKILL"))
    : undefined;
  const serverKill = killsServer ? sleep(serverMs).then(() => server.killAndStart()) : undefined;
  const feeding = feed(append, input, pauses, isKilled ? commandKill : undefined);
  const [end] = await Promise.all([append.ended, commandKill, serverKill, feeding]);
  return end;
}

/** Hands the input over in pieces, so that kills come in between, and ends it after `before`. */
async function feed(
  append: { write(input: Uint8Array): Promise<void>; end(): Promise<void> },
  input: Uint8Array,
  pauses: number,
  before: Promise<unknown> | undefined,
): Promise<void> {
  const piece = Math.ceil(input.length / pauses);
  for (let at = 0; at < input.length; at += piece) {
    await append.write(input.subarray(at, at + piece));
    await sleep(20);
  }
  await before;
  await append.end();
}
