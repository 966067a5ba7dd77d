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
 * the other. `LINEAR_SECONDS` says for how long on each server (5), `SEED` with which seed to begin.
 */
const SECONDS = Number(process.env["LINEAR_SECONDS"] ?? 5);
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

Deno.test("a call without an answer has happened, happens later, or never does", () => {
  const append = (text: string) =>
    ({
      kind: "append",
      name: "a",
      request: {
        messages: [text],
        close: false,
        seq: undefined,
        producer: undefined,
        expectedTail: undefined,
      },
    }) as const;
  const read = { kind: "read", name: "a", from: 0, live: false } as const;
  const client = 0;
  const before: Call[] = [
    {
      client,
      start: 0,
      end: 1,
      operation: { kind: "create", name: "a", text: "", closed: false },
      response: "201 0",
    },
    { client, start: 2, end: Infinity, operation: append("x"), response: undefined },
    { client, start: 3, end: 4, operation: read, response: "200 0 " },
  ];
  const then = (...texts: string[]): Call[] => [
    ...before,
    ...texts.map((text, i): Call => ({
      client,
      start: 5 + 2 * i,
      end: 6 + 2 * i,
      operation: read,
      response: `200 ${text.length} ${text}`,
    })),
  ];
  ok(checkHistory(then("", "")) === "linearizable");
  ok(checkHistory(then("", "x")) === "linearizable");
  ok(checkHistory(then("x", "x")) === "linearizable");
  ok(checkHistory(then("x", "")) === "not linearizable");
  ok(checkHistory(then("xx")) === "not linearizable");
});

Deno.test("a fork in steps has its source as it was at a moment of the call", () => {
  const client = 0;
  const source = "a";
  const step = { kind: "fork_step", fork: 1, name: "b", source } as const;
  const hidden = { client, start: 4, end: Infinity, response: undefined };
  const forkAnd = (last: Call): Call[] => [
    {
      client,
      start: 0,
      end: 1,
      operation: { kind: "create", name: "a", text: "x", closed: false },
      response: "201 1",
    },
    { ...hidden, operation: { ...step, step: "hold" } },
    { ...hidden, operation: { ...step, step: "release" } },
    { client, start: 5, end: 6, operation: { kind: "delete", name: "a" }, response: "204" },
    {
      client,
      start: 7,
      end: 8,
      operation: { kind: "head", name: "b" },
      response: "not_found",
    },
    { client, start: 4, end: 9, operation: { ...step, step: "bind" }, response: "201 1" },
    last,
  ];
  const read = { kind: "read", name: "b", from: 0, live: false } as const;
  const at = { client, start: 10, end: 11 };
  ok(checkHistory(forkAnd({ ...at, operation: read, response: "200 1 x" })) === "linearizable");
  ok(checkHistory(forkAnd({ ...at, operation: read, response: "not_found" })) !== "linearizable");
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
