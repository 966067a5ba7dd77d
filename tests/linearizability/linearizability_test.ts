import { ok } from "node:assert/strict";
import process from "node:process";
import { RUNTIME_TARGETS, WORKER_TARGETS } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { installTestTools } from "../tools/install.ts";
import { startProgram } from "../tools/program.ts";
import { checkHistory } from "./checker.ts";
import { appIn, type Server } from "./app_server.ts";
import type { Call } from "./operation.ts";
import { runHistories } from "./run_histories.ts";

/**
 * Clients that work on the same streams at once see what they would see if the server did one thing after
 * the other. `LINEAR_SECONDS` says for how long on each server (8), `SEED` with which seed to begin.
 */
const SECONDS = Number(process.env["LINEAR_SECONDS"] ?? 8);
/** A slow machine runs so many nevertheless: one history that is too entangled is no failure. */
const LEAST_HISTORIES = 20;
const FIRST_SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));

Deno.test("in this process, in memory: an order explains every answer", () =>
  check(() => appIn(undefined)));

Deno.test("in this process, on disk: an order explains every answer", () =>
  withTempDir((dir) => check(() => appIn(`${dir}/streams`))));

for (const target of [...RUNTIME_TARGETS, ...WORKER_TARGETS]) {
  Deno.test(`${target.name}, over sockets: an order explains every answer`, () =>
    withTempDir(async (dir) => {
      await installTestTools();
      const flags = ["--port", "0", "--dir", `${dir}/streams`, "--long-poll-timeout", "5ms"];
      const command = [...await target.command(), ...flags, "--wal-bytes", "256KiB"];
      await check(async () => {
        const program = await startProgram(command);
        return {
          send: (path, init) => fetch(`${program.url}/${path}`, init),
          close: () => program.stop(),
        };
      });
    }));
}

Deno.test("answers that contradict each other are told from those that don't", () => {
  const call = (
    start: number,
    end: number,
    operation: Call["operation"],
    response: string,
  ): Call => ({
    client: 0,
    start,
    end,
    operation,
    response,
  });
  const create = { kind: "create", name: "a", text: "", closed: false } as const;
  const head = { kind: "head", name: "a" } as const;
  ok(
    checkHistory([call(0, 1, create, "201 0"), call(2, 3, head, "200 0 false")]) === "linearizable",
  );
  ok(checkHistory([call(0, 3, create, "201 0"), call(1, 2, head, "not_found")]) === "linearizable");
  ok(
    checkHistory([call(0, 1, create, "201 0"), call(2, 3, head, "not_found")]) ===
      "not linearizable",
  );
  ok(
    checkHistory([call(0, 1, create, "201 0"), call(2, 3, create, "201 0")]) === "not linearizable",
  );
});

async function check(start: () => Promise<Server>): Promise<void> {
  const server = await start();
  try {
    const untilMs = performance.now() + SECONDS * 1000;
    const tally = await runHistories(server.send, FIRST_SEED, untilMs, LEAST_HISTORIES);
    const { histories, calls, undecided } = tally;
    console.log(`${histories} histories, ${calls} calls, ${undecided} too entangled`);
    ok(undecided * 10 <= histories, `${undecided} of ${histories} undecided`);
  } finally {
    await server.close();
  }
}
