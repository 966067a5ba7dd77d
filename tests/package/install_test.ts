import { doesNotMatch, equal, match } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { installTestTools } from "../tools/install.ts";
import { nodeFirst } from "../tools/node.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { type LocalRegistry, startLocalRegistry } from "./local_registry.ts";
import { CLIENT_OUTPUT, CLIENT_PROGRAM, LIBRARY_PROGRAM, TYPES_PROGRAM } from "./programs.ts";
import { type User, usersOf } from "./users.ts";

/**
 * The package as its users get it: packed, installed from a registry into an empty folder by each
 * runtime's own client, and used there as README says.
 */

Deno.test("the package is installed and used in an empty folder", async (t) => {
  await installTestTools();
  await withTempDir(async (dir) => {
    const registry = await startLocalRegistry(dir);
    try {
      for (const user of await usersOf(dir, registry.url)) {
        const folder = `${dir}/${user.name.replace(" ", "-")}-folder`;
        mkdirSync(folder);
        await t.step(
          `${user.name}: the program runs, is killed and runs again`,
          () => runProgram(user, folder),
        );
        await t.step(
          `${user.name}: traces are refused without what sends them, with the line that installs it`,
          () => refuseTraces(user, folder),
        );
        await t.step(
          `${user.name}: a program imports the library and the client`,
          () => importIt(user, `${folder}/project`),
        );
      }
      await t.step("an old Node is told what to do, and does it", () => obey(dir, registry));
    } finally {
      await registry.close();
    }
  });
});

async function runProgram(user: User, cwd: string): Promise<void> {
  const command = [...user.program, "--dir", "./data", "--port", "0"];
  const start = () => startProgram(command, { cwd, env: user.env, readyMs: 60_000 });
  const runVerb = async (server: Program, ...words: string[]) => {
    const env = { DURABLE_STREAMS_URL: server.url };
    return await run(user, [...user.program, ...words], cwd, env);
  };
  const first = await start();
  try {
    await runVerb(first, "append", "demo", "--data", "hello\n");
    match(await runVerb(first, "read", "demo"), /^hello$/m);
  } finally {
    await endServer(first, "SIGKILL");
  }
  const second = await start();
  try {
    match(await runVerb(second, "read", "demo"), /^hello$/m);
    match(second.output(), new RegExp(`runtime="${user.name.split(" ")[0]} \\d`));
    // Nothing of the runtime's own, such as a warning that SQLite may change.
    equal(second.output().match(/^(?!20\d\d-|listening on ).+/m)?.[0], undefined);
  } finally {
    await endServer(second, "SIGTERM");
  }
}

/** The packages of OpenTelemetry are optional, and nobody has asked for them. */
async function refuseTraces(user: User, cwd: string): Promise<void> {
  const env = { ...user.env, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
  const command = [...user.program, "--storage", "memory", "--port", "0"];
  const { code, output } = await runCommand(command, { cwd, env, limitMinutes: 1 });
  equal(code, 2, output);
  match(
    output,
    /OTEL_EXPORTER_OTLP_ENDPOINT is set, .*; accepted: with `npm install @opentelemetry\/api@/,
  );
}

/** What was started is npx or the like, and the server is what it started. */
async function endServer(program: Program, signal: NodeJS.Signals): Promise<void> {
  const pid = Number(/ started pid=(\d+)/.exec(program.output())?.[1] ?? program.pid);
  process.kill(pid, signal);
  await program.ended;
}

async function importIt(user: User, cwd: string): Promise<void> {
  mkdirSync(cwd);
  writeFileSync(`${cwd}/package.json`, '{ "type": "module" }');
  await run(user, user.add, cwd);
  writeFileSync(`${cwd}/library.mjs`, LIBRARY_PROGRAM);
  writeFileSync(`${cwd}/client.mjs`, CLIENT_PROGRAM);
  writeFileSync(`${cwd}/types.mts`, TYPES_PROGRAM);
  equal(await run(user, [...user.run, "library.mjs"], cwd), "hello\nhello\n");
  await run(user, [...user.check, "types.mts"], cwd);
  const server = await startProgram(
    [...user.program, "--port", "0", "--storage", "memory"],
    { cwd, env: user.env, readyMs: 60_000 },
  );
  try {
    equal(await run(user, [...user.run, "client.mjs", server.url, "p"], cwd), CLIENT_OUTPUT);
    if (user.name === "Node 22.23.3") await useOldNode(cwd, server.url);
  } finally {
    await endServer(server, "SIGTERM");
  }
}

/** The client, and the library with its storage in memory, on the oldest Node that has them. */
async function useOldNode(cwd: string, url: string): Promise<void> {
  const env = await nodeFirst("20.20.2");
  const onNode20 = async (...args: string[]) =>
    (await runCommand(["node", ...args], { cwd, env, limitMinutes: 1 })).output;
  equal(await onNode20("library.mjs", "memory"), "hello\n");
  equal(await onNode20("client.mjs", url, "on-node-20"), CLIENT_OUTPUT);
  match(
    await onNode20("library.mjs"),
    /on disk needs the SQLite of Node 22\.15 or later, and this is Node 20\.20\.2/,
  );
}

/** With no Node but an old one a line brings another. npm's own registry has that, ours this package. */
async function obey(dir: string, { tarball }: LocalRegistry): Promise<void> {
  const env = await nodeFirst("20.20.2");
  const inDir = (...command: string[]) => runCommand(command, { cwd: dir, env, limitMinutes: 5 });
  const refused = await inDir("npx", "-y", "-p", tarball, "durable-streams", "--version");
  equal(refused.code, 1, refused.output);
  // The client is installed there without a warning.
  doesNotMatch(refused.output, /EBADENGINE/);
  match(refused.output, /^durable-streams: this is Node 20\.20\.2, .* 22\.15 or later/m);
  match(refused.output, /^ {2}npx -y -p node@22 -p durable-streams durable-streams$/m);
  const node = ["-p", "node@22", "-p", tarball];
  const obeyed = await inDir("npx", "-y", ...node, "durable-streams", "--version");
  equal(obeyed.code, 0, obeyed.output);
  match(obeyed.output, /^\d+\.\d+\.\d+$/m);
}

async function run(
  user: User,
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, output } = await runCommand(command, {
    cwd,
    env: { ...user.env, ...env },
    limitMinutes: 3,
  });
  equal(code, 0, `${command.join(" ")}:\n${output}`);
  return output;
}
