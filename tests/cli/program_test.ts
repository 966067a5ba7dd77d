import { equal, match, ok } from "node:assert/strict";
import { environmentName, type Flag } from "../../src/cli/flags/flag.ts";
import { serveFlags } from "../../src/cli/flags/serve_flags.ts";
import { commands } from "../../src/cli/commands.ts";
import manifest from "../../package.json" with { type: "json" };
import { inRepo } from "../tools/repo.ts";

interface Ending {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ending> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", inRepo("main.ts"), ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function refused(args: readonly string[], stderr: RegExp, env: Record<string, string> = {}) {
  const ending = await run(args, env);
  equal(ending.code, 2, ending.stderr);
  equal(ending.stdout, "");
  match(ending.stderr, stderr);
}

function flagPattern({ name, default: value }: Flag<unknown>): RegExp {
  return new RegExp(`--${value === true ? "no-" : ""}${name}\\b`);
}

Deno.test("an unknown flag is named, with those that there are, and exits 2", async () => {
  await refused(
    ["--prot", "1"],
    /^durable-streams: unknown option '--prot'\. Did you mean --port\? See durable-streams --help\.\n$/,
  );
  await refused(["serve", "--frobnicate"], /accepted: --dir, .*--log-format\. See .*--help\.\n$/);
});

Deno.test("an unknown command is named, with those that there are, and exits 2", async () => {
  await refused(
    ["frobnicate"],
    /^durable-streams: unknown command "frobnicate"; accepted: serve, create, .*, completion\. See/,
  );
  await refused(
    ["reed", "a", "--from", "start"],
    /^durable-streams: unknown command "reed"\. Did you mean read\? See durable-streams --help\.\n$/,
  );
  await refused(["help", "tial"], /unknown command "tial"\. Did you mean tail\?/);
  await refused(["--port", "1", "sevre"], /unknown command "sevre"\. Did you mean serve\?/);
  await refused(["serve", "this"], /serve takes flags only, but got "this"/);
});

Deno.test("what other programs call a flag, and another command's flag, is told", async () => {
  await refused(["--data-dir", "x"], /'--data-dir'\. Did you mean --dir\?/);
  await refused(["--bind", "::"], /'--bind'\. Did you mean --host\?/);
  await refused(["tail", "a", "--last", "3"], /'--last'\. Did you mean --lines\?/);
  await refused(["head", "a", "--last", "3"], /'--last'\. It is a flag of read\. See/);
  await refused(["read", "a", "-f"], /'-f'\. It is a flag of tail and copy\. See/);
  await refused(["head", "a", "-n", "3"], /'-n'\. It is a flag of read and tail\. See/);
});

Deno.test("a command without its words, or with more, exits 2 and shows its usage", async () => {
  await refused(
    ["read"],
    /read needs PATH, a stream's name such as logs\/demo, .*: durable-streams read PATH\. See/,
  );
  await refused(["tail", "-f"], /tail needs PATH, .*, or --prefix: durable-streams tail PATH/);
  await refused(["delete", ""], /delete needs PATH, .*, or --prefix: durable-streams delete PATH/);
  await refused(["fork", "a"], /fork needs PATH, .*: durable-streams fork SOURCE PATH/);
  await refused(["read", "a", "b"], /read takes PATH only, but got "b"/);
  await refused(["list", "a", "b"], /list takes \[PREFIX\] only, but got "b"/);
});

Deno.test("a command's flags before its name exit 2 and are sent behind it", async () => {
  await refused(
    ["--url", "http://localhost/", "read", "a"],
    /unknown option '--url'; flags come after the command: durable-streams read/,
  );
});

Deno.test("every command has a help of its own, with its flags and the exit codes", async () => {
  for (const verb of commands.slice(1)) {
    const { code, stdout } = await run([verb.name, "--help"]);
    equal(code, 0);
    ok(stdout.startsWith(`Usage: durable-streams ${verb.name} `), stdout);
    for (const flag of Object.values<Flag<unknown>>(verb.flags)) match(stdout, flagPattern(flag));
    // Commander wraps at its own width, which would break lines that are broken already.
    for (const line of (verb.details ?? "").split("\n")) ok(line.length < 100, line);
    match(stdout, /\nExamples:\n.*durable-streams/s);
    match(stdout, /Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such stream/);
  }
});

Deno.test("a bad value exits 2, from a flag and from the environment", async () => {
  await refused(["--port", "http"], /--port is "http"; accepted: a whole number from 0 to 65535/);
  await refused([], /variable DURABLE_STREAMS_FSYNC is "yes"; accepted: always, interval, never/, {
    DURABLE_STREAMS_FSYNC: "yes",
  });
});

Deno.test("a flag without its value exits 2 and says what it wants", async () => {
  await refused(["--port"], /'--port <number>' argument missing; accepted: a whole number/);
  await refused(["--private=yes"], /accepted: --private or --no-private/);
});

Deno.test("flags that can't go together exit 2", async () => {
  await refused(
    ["--max-queued-bytes", "1MiB"],
    /--max-append-bytes is 10MiB and --max-queued-bytes only 1MiB/,
  );
  await refused(
    ["--max-body-bytes-in-flight", "10MiB"],
    /--max-append-bytes is 10MiB and --max-body-bytes-in-flight only 10MiB.*at least 64KiB more/,
  );
});

Deno.test("--version, and what is typed for it, prints the version of package.json", async () => {
  for (const args of [["--version"], ["-V"], ["-v"], ["version"]]) {
    const { code, stdout } = await run(args);
    equal(code, 0);
    equal(stdout, `${manifest.version}\n`);
  }
});

Deno.test("an example's flags are those of its command", () => {
  for (const verb of commands) {
    ok(verb.examples.length > 0, verb.name);
    for (const [line] of verb.examples) {
      const [, args = ""] = /durable-streams\b(.*)$/.exec(line) ?? [];
      // What follows a -- is another program's.
      const words = args.replace(/ -- .*$/, "").trim().split(/\s+/);
      if (verb !== commands[0]) equal(words[0], verb.name);
      const spellings = Object.values<Flag<unknown>>(verb.flags)
        .flatMap(({ name, short }) => [`--${name}`, `-${short}`]);
      // A - by itself is a value: a standard stream.
      for (const word of words) if (/^-./.test(word)) ok(spellings.includes(word), line);
    }
  }
});

Deno.test("a misspelt variable is named, with the one that was meant, and stops nothing", async () => {
  // An address of the documentation range, which no machine has.
  const args = ["--storage", "memory", "--host", "192.0.2.1", "--insecure"];
  const { code, stderr } = await run(args, { DURABLE_STREAMS_PROT: "80" });
  equal(code, 1);
  match(stderr, /WARN.* DURABLE_STREAMS_PROT says nothing .*did you mean DURABLE_STREAMS_PORT\?/);
  const reading = ["read", "a", "--url", "http://127.0.0.1:1/", "--retry", "0s"];
  const read = await run(reading, { DURABLE_STREAMS_TIMOUT: "1s", DURABLE_STREAMS_OTHER: "" });
  equal(read.code, 5);
  match(read.stderr, /^durable-streams: .*TIMOUT says nothing .*did you mean \w+_TIMEOUT\?\n/);
  ok(!read.stderr.includes("OTHER"));
});

Deno.test("--help shows every flag with its default, its unit and its variable", async () => {
  for (const args of [["--help"], ["serve", "--help"], ["help", "serve"]]) {
    const { code, stdout } = await run(args);
    equal(code, 0);
    const text = stdout.replaceAll(/\s+/g, " ");
    for (const flag of Object.values<Flag<unknown>>(serveFlags)) {
      const value = flag.placeholder === undefined ? "" : ` <${flag.placeholder}>`;
      ok(text.includes(`--${flag.name}${value} ${flag.help}`), flag.name);
      ok(text.includes(`(default: ${flag.defaultText}, env: ${environmentName(flag)})`), flag.name);
    }
    match(text, /Durations: 500ms, 30s, 5m, 1h, 7d\. Sizes: 512 \(bytes\), 64KiB/);
    match(text, /always: nothing that was acknowledged; interval: .*; never: /);
  }
});

Deno.test("a start that fails exits 1 with one line on stderr", async () => {
  // An address of the documentation range, which no machine has.
  const { code, stdout, stderr } = await run([
    "--storage",
    "memory",
    "--host",
    "192.0.2.1",
    "--insecure",
  ]);
  equal(code, 1);
  equal(stdout, "");
  match(
    stderr,
    /^\S+ FATAL cannot start: this machine has no address 192\.0\.2\.1: [^\n]+--host\n$/,
  );
});

Deno.test("a start that fails says so in JSON where logs are JSON", async () => {
  const args = ["--storage", "memory", "--host", "192.0.2.1", "--insecure", "--log-format", "json"];
  const { code, stderr } = await run(args);
  equal(code, 1);
  const line: unknown = JSON.parse(stderr);
  ok(typeof line === "object" && line !== null && "level" in line && "message" in line);
  equal(line.level, "FATAL");
  match(String(line.message), /^cannot start: /);
});
