import { deepEqual, equal, match, ok } from "node:assert/strict";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { installTestTools } from "../tools/install.ts";
import { runCommand, startCommand } from "./command_process.ts";
import { checkSeq, seq } from "./numbers.ts";
import { SteadyServer } from "./steady_server.ts";

/** The commands as processes, on each runtime, against a server on disk. */

/** A busy machine takes longer than "at once"; a command that waited for its server would take a minute. */
const SOON_MS = 20_000;

for (const { name, command } of RUNTIME_TARGETS) {
  Deno.test(`${name}: a stream's life by commands, with their exit codes`, async () => {
    await installTestTools();
    const program = await command();
    await using server = await SteadyServer.start();
    const { url } = server;
    const run = async (args: readonly string[], input?: string) => {
      const { code, stdout, stderr } = await runCommand(program, { url, args }, input);
      return [code, new TextDecoder().decode(stdout), stderr];
    };
    deepEqual(await run(["create", "a/b", "--content-type", "text/plain"]), [0, "", ""]);
    deepEqual(await run(["append", "a/b"], "one\ntwo\n"), [0, "", ""]);
    deepEqual(await run(["append", "a/b", "--lines"], "three\nfour\n"), [0, "", ""]);
    deepEqual(await run(["read", "a/b"]), [0, "one\ntwo\nthree\nfour\n", ""]);
    deepEqual(await run(["tail", "a/b", "-n", "2"]), [0, "three\nfour\n", ""]);
    deepEqual(await run(["fork", "a/b", "c"]), [0, "", ""]);
    deepEqual(await run(["close", "a/b"]), [0, "", ""]);
    deepEqual(await run(["list"]), [0, "a/b\nc\n", ""]);
    const [, head = ""] = await run(["head", "a/b", "--json"]);
    match(String(head), /"closed":true/);
    const [closed] = await run(["append", "a/b", "--data", "x"]);
    equal(closed, 4);
    deepEqual(await run(["delete", "c"]), [0, "", ""]);
    const [missing, , why] = await run(["read", "c"]);
    equal(missing, 3);
    match(String(why), /^durable-streams: no stream "c" at /);
    const [usage] = await run(["read"]);
    equal(usage, 2);
    await server.kill();
    const [gone, , advice] = await run(["read", "a/b"]);
    equal(gone, 5);
    match(String(advice), /can't reach .*: is the server running\? Start it with: durable-streams/);
  });

  Deno.test(`${name}: a pipe whose reader leaves ends quietly with 0`, async () => {
    await installTestTools();
    const program = await command();
    await using server = await SteadyServer.start();
    const { url } = server;
    await runCommand(program, { url, args: ["append", "a", "--lines"] }, seq(400_000));
    for (
      const args of [["read", "a"], ["tail", "-f", "a", "--from", "start"], ["read", "a", "--json"]]
    ) {
      const script = `"$@" | head -c 5; echo "\${PIPESTATUS[0]}"`;
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args: ["-c", script, "bash", ...program, ...args],
        env: { DURABLE_STREAMS_URL: url, NO_COLOR: "1" },
      }).output();
      equal(code, 0);
      const decoder = new TextDecoder();
      equal(decoder.decode(stdout), args.includes("--json") ? `{"off0\n` : "1\n2\n30\n");
      equal(decoder.decode(stderr), "");
    }
  });

  Deno.test(`${name}: SIGINT, SIGTERM and SIGHUP end a command at once`, async () => {
    await installTestTools();
    const program = await command();
    await using server = await SteadyServer.start();
    const { url } = server;
    await runCommand(program, { url, args: ["append", "a"] }, "hello\n");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      await using tail = startCommand(program, { url, args: ["tail", "-f", "a"] });
      await tail.shows("hello\n");
      const startMs = performance.now();
      tail.signal(signal);
      const end = await tail.ended;
      equal(end.code, { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal]);
      equal(end.stderr, "");
      ok(performance.now() - startMs < SOON_MS);
    }
  });

  Deno.test(`${name}: lines that come one at a time go out as they come`, async () => {
    await installTestTools();
    const program = await command();
    await using server = await SteadyServer.start();
    const { url } = server;
    await runCommand(program, { url, args: ["create", "a", "--content-type", "text/plain"] });
    await using tail = startCommand(program, { url, args: ["tail", "-f", "a"] });
    await using append = startCommand(program, { url, args: ["append", "a", "--lines"] });
    let all = "";
    for (const line of ["one\n", "two\n", "three\n"]) {
      await append.write(line);
      await tail.shows(all += line);
    }
    await append.end();
    equal((await append.ended).code, 0);
    await runCommand(program, { url, args: ["close", "a"] });
    const { code, stderr } = await tail.ended;
    equal(code, 0);
    equal(stderr, "");
    equal(tail.output(), all);
  });

  Deno.test(`${name}: tail -f continues where it was after the server was killed`, async () => {
    await installTestTools();
    const program = await command();
    for (const type of ["text/plain", "application/json"]) {
      await using server = await SteadyServer.start();
      const { url } = server;
      const append = async (input: string, ...flags: string[]) => {
        const { code, stderr } = await runCommand(program, {
          url,
          args: ["append", "a", "--lines", ...flags],
        }, input);
        equal(code, 0, stderr);
      };
      await append("1\n2\n", "--content-type", type);
      await using tail = startCommand(program, { url, args: ["tail", "-f", "a"] });
      await tail.shows("1\n2\n");
      await append("3\n");
      await tail.shows("3\n");
      await server.killAndStart();
      await append("4\n5\n");
      await tail.shows("5\n");
      await append("6\n", "--close");
      const { code } = await tail.ended;
      equal(code, 0);
      equal(tail.output(), seq(6));
    }
  });
}

Deno.test("a transfer of many megabytes arrives whole, on every runtime", async () => {
  await installTestTools();
  await using server = await SteadyServer.start();
  const { url } = server;
  for (const { name, command } of RUNTIME_TARGETS) {
    const program = await command();
    const appended = await runCommand(
      program,
      { url, args: ["append", name, "--lines"] },
      seq(1e6),
    );
    equal(appended.code, 0, appended.stderr);
    const read = await runCommand(program, { url, args: ["read", name] });
    checkSeq(read.stdout, 1e6);
  }
});
