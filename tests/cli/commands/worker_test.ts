import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  type ChildCommand,
  type ChildEnd,
  NoSuchProgram,
} from "../../../src/cli/context/child_command.ts";
import { decodeUtf8 } from "../../../src/protocol/bytes.ts";
import { settle } from "../../support/fixture.ts";
import { CommandKit, type RunOptions } from "./command_kit.ts";

/** A subscription, and commands that are run for it. */
class WorkerKit extends CommandKit {
  readonly children: ChildCommand[] = [];

  static async make(): Promise<WorkerKit> {
    const kit = new WorkerKit();
    await kit.ok(["subscription", "create", "jobs", "--pattern", "*/*", "--wake-stream", "wakes"]);
    return kit;
  }

  /** Runs a worker on the clock of the server, whose commands end so. */
  work(args: readonly string[], ends: readonly ChildEnd[] = [], options: RunOptions = {}) {
    const left = [...ends];
    return this.run(["worker", "jobs", ...args, "--", "do", "it", "--now"], {
      clock: this.fixture.clock,
      runChild: (child) => {
        this.children.push(child);
        return left.shift() ?? 0;
      },
      ...options,
    });
  }

  async acked(path: string): Promise<string> {
    const { streams } = JSON.parse(await this.ok(["subscription", "show", "jobs", "--json"]));
    return streams.find((stream: { path: string }) => stream.path === path).ackedOffset;
  }
}

/** Lets a worker go on, and time pass, until something came about. */
async function until(kit: WorkerKit, isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !isSo(); turn++) {
    await settle();
    kit.fixture.clock.advance(turn % 20 === 0 ? 500 : 0);
  }
  ok(isSo(), "it came about");
}

Deno.test("worker --once hands each stream's messages to the command, and acks them", async () => {
  const kit = await WorkerKit.make();
  await kit.ok(["append", "a/1", "--data", "hello\nworld"]);
  await kit.ok(["append", "a/2", "--json", "--data", '[1,{"b":2}]']);
  const { code, stderr } = await kit.work(["--once"]);
  equal(stderr, "");
  equal(code, 0);
  const [first, second] = kit.children;
  deepEqual(first?.command, ["do", "it", "--now"]);
  equal(decodeUtf8(first.input), "hello\nworld");
  const { WORK_WAKE_ID, ...environment } = first.environment;
  match(WORK_WAKE_ID ?? "", /^w_/);
  deepEqual(environment, {
    DURABLE_STREAMS_URL: "http://localhost:4437/v1/stream",
    WORK_STREAM: "a/1",
    WORK_OFFSET: "-1",
    WORK_NEXT_OFFSET: await kit.acked("a/1"),
    WORK_CONTENT_TYPE: "text/plain; charset=utf-8",
    WORK_SUBSCRIPTION: "jobs",
    WORK_GENERATION: "1",
  });
  equal(decodeUtf8(second?.input ?? new Uint8Array()), '1\n{"b":2}\n');
  equal(kit.children.length, 2);
  equal((await kit.work(["--once"])).code, 0, "nothing is pending");
  equal(kit.children.length, 2);
});

Deno.test("worker --json gives the messages as read --json prints them", async () => {
  const kit = await WorkerKit.make();
  await kit.ok(["append", "a/2", "--json", "--data", "[1,2]"]);
  await kit.work(["--once", "--json"]);
  const [child] = kit.children;
  equal(decodeUtf8(child?.input ?? new Uint8Array()), await kit.ok(["read", "a/2", "--json"]));
});

Deno.test("a command that fails acks nothing; --once exits 1, and the messages come again", async () => {
  const kit = await WorkerKit.make();
  await kit.ok(["append", "a/1", "--data", "x"]);
  for (const [end, says] of [[3, /exited with 3/], ["SIGKILL", /was ended by SIGKILL/]] as const) {
    const { code, stderr } = await kit.work(["--once"], [end]);
    equal(code, 1);
    match(stderr, says);
    match(stderr, /for "a\/1", whose messages come again/);
    equal(await kit.acked("a/1"), "-1");
  }
  equal((await kit.work(["--once"])).code, 0);
  equal(kit.children.length, 3);
  ok(await kit.acked("a/1") !== "-1");
});

Deno.test("a worker goes on after a failure and until a signal, whose exit code it has", async () => {
  const kit = await WorkerKit.make();
  await kit.ok(["append", "a/1", "--data", "x"]);
  let end: (exitCode: number) => void = () => {};
  const running = kit.work([], [1, 0], { onListening: (listener) => end = listener });
  await until(kit, () => kit.children.length === 2);
  await kit.ok(["append", "a/1", "--data", "y"]);
  await until(kit, () => kit.children.length === 3);
  equal(decodeUtf8(kit.children[2]?.input ?? new Uint8Array()), "y");
  end(143);
  const { code, stderr } = await running;
  equal(code, 143);
  match(stderr, /^durable-streams: the command exited with 1 for "a\/1"[^\n]*$/);
});

Deno.test("a signal ends the command that runs, and gives the wake back", async () => {
  const kit = await WorkerKit.make();
  await kit.ok(["append", "a/1", "--data", "x"]);
  let end: (exitCode: number) => void = () => {};
  const running = kit.work([], [], {
    onListening: (listener) => end = listener,
    runChild: (child) => {
      kit.children.push(child);
      return new Promise((resolve) =>
        child.signal.addEventListener("abort", () => resolve("SIGTERM"))
      );
    },
  });
  await until(kit, () => kit.children.length === 1);
  end(130);
  equal((await running).code, 130);
  equal((await kit.work(["--once"])).code, 0, "the next gets it at once");
  equal(kit.children.length, 2);
});

Deno.test("a command that can't be started ends the worker; no later wake would help", async () => {
  const kit = await WorkerKit.make();
  await kit.ok(["append", "a/1", "--data", "x"]);
  const runChild = () => Promise.reject(new NoSuchProgram('can\'t run "do": so'));
  const { code, stderr } = await kit.work([], [], { runChild });
  equal(code, 1);
  match(stderr, /can't run "do": so/);
});

Deno.test("worker needs a subscription and a command, and one that is there", async () => {
  const kit = new CommandKit();
  for (const args of [["worker"], ["worker", "jobs"], ["worker", "jobs", "--"]]) {
    const { code, stderr } = await kit.run(args);
    equal(code, 2);
    match(stderr, /worker needs .*: durable-streams worker SUBSCRIPTION -- COMMAND\.\.\./);
  }
  for (const once of [[], ["--once"]]) {
    const { code, stderr } = await kit.run(["worker", "jobs", ...once, "--", "cat"]);
    equal(code, 3);
    match(stderr, /no subscription "jobs"/);
  }
});
