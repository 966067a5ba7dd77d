import { deepEqual, equal, match, ok } from "node:assert/strict";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { installTestTools } from "../tools/install.ts";
import { runCommand, startCommand } from "./command_process.ts";
import { SteadyServer } from "./steady_server.ts";

/** `durable-streams worker` in processes of their own, which are killed in the middle of their work. */

/** Says what it has and who it is, and goes on for long without the worker's pipes. */
const HANGS = [
  "sh",
  "-c",
  'echo "begun $$ $WORK_STREAM $WORK_GENERATION"; exec sleep 170 <&- >/dev/null 2>&1',
];
const PRINTS = ["sh", "-c", 'echo "done $WORK_STREAM $WORK_GENERATION $(cat)"'];
/** Ends at SIGTERM only, and says so. */
const WAITS = [
  "sh",
  "-c",
  "trap 'echo told; exit 1' TERM; echo begun; while :; do sleep 0.05; done",
];

for (const { name, command } of RUNTIME_TARGETS) {
  Deno.test(`${name}: when a worker is killed at its work, another takes over after the lease`, async () => {
    await installTestTools();
    const program = await command();
    await using server = await SteadyServer.start();
    const { url } = server;
    await prepare(program, url);
    const killed = startCommand(program, { url, args: ["worker", "jobs", "--", ...HANGS] });
    let orphan = 0;
    try {
      await killed.shows("\n");
      const [, pid, stream, generation] = /^begun (\d+) (\S+) (\d+)\n/.exec(killed.output()) ?? [];
      orphan = Number(pid);
      equal(stream, "jobs/1");
      killed.signal("SIGKILL");
      equal((await killed.ended).signal, "SIGKILL");

      await using heir = startCommand(program, { url, args: ["worker", "jobs", "--", ...PRINTS] });
      await heir.shows("jobs/2");
      await heir.shows("two\n");
      const lines = heir.output().trimEnd().split("\n").map((line) => line.split(" "));
      deepEqual(lines.map(([, stream, , text]) => [stream, text]), [
        ["jobs/1", "one"],
        ["jobs/2", "two"],
      ]);
      ok(lines.every(([, , later]) => Number(later) > Number(generation)), heir.output());

      // It goes on where it was when the server is killed, too.
      await server.killAndStart();
      await append(program, url, "jobs/3", "three");
      await heir.shows("three\n");
      heir.signal("SIGTERM");
      const { code, stderr } = await heir.ended;
      equal(code, 143, stderr);
    } finally {
      await killed[Symbol.asyncDispose]();
      endOrphan(orphan);
    }
  });

  Deno.test(`${name}: SIGTERM to a worker ends its command too, and gives the wake back`, async () => {
    await installTestTools();
    const program = await command();
    await using server = await SteadyServer.start();
    const { url } = server;
    await prepare(program, url);
    await using worker = startCommand(program, { url, args: ["worker", "jobs", "--", ...WAITS] });
    await worker.shows("begun");
    worker.signal("SIGTERM");
    const { code, stdout, stderr } = await worker.ended;
    equal(code, 143, stderr);
    match(new TextDecoder().decode(stdout), /told/);
    const args = ["worker", "jobs", "--once", "--", ...PRINTS];
    const next = await runCommand(program, { url, args });
    equal(next.code, 0);
    match(new TextDecoder().decode(next.stdout), /^done jobs\/1 \d+ one\ndone jobs\/2 \d+ two\n$/);
  });
}

/** A subscription with something pending in two streams, whose lease is short. */
async function prepare(program: readonly string[], url: string): Promise<void> {
  const args = ["subscription", "create", "jobs", "--pattern", "jobs/*", "--wake-stream", "wakes"];
  const { code, stderr } = await runCommand(program, { url, args: [...args, "--lease", "2s"] });
  equal(code, 0, stderr);
  await append(program, url, "jobs/1", "one");
  await append(program, url, "jobs/2", "two");
}

async function append(program: readonly string[], url: string, stream: string, text: string) {
  const { code } = await runCommand(program, { url, args: ["append", stream] }, text);
  equal(code, 0);
}

/** A killed worker's command isn't told. */
function endOrphan(pid: number): void {
  try {
    if (pid > 0) Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
