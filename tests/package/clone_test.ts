import { equal, match } from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { dirname } from "node:path";
import { version } from "../../src/cli/context/version.ts";
import { Client } from "../../src/client/client.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { nodePath } from "../tools/node.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";
import { cloneTo } from "./clone.ts";
import { LIBRARY_PROGRAM, TYPES_PROGRAM } from "./programs.ts";

/** What README says for a machine that has a clone, Node 20 with npm, and nothing else. */

const README = readFileSync(inRepo("README.md"), "utf8");

Deno.test("a clone runs, compiles and is installed with Node alone", async (t) => {
  await withTempDir(async (dir) => {
    const clone = `${dir}/clone`;
    await cloneTo(clone);
    const PATH = `${dirname(await nodePath("20.20.2"))}:${await npmFolder()}:/usr/bin:/bin`;
    // As `deno task` hands it on to what it runs.
    const env = { PATH, npm_config_user_agent: "deno/2.9.6 npm/? deno/2.9.6 linux x86_64" };
    const run = async (command: readonly string[], cwd: string): Promise<string> => {
      const result = await runCommand(command, { cwd, env, limitMinutes: 5 });
      equal(result.code, 0, `${command.join(" ")}:\n${result.output}`);
      return result.output;
    };
    const readmeLine = (start: string) => {
      const line = README.split("\n").find((line) => line.startsWith(start));
      return line?.split("#")[0]?.trim().split(" ") ?? [];
    };

    await t.step("a line runs the command line", async () => {
      const line = readmeLine("npx -y deno@2.9.6 run -A main.ts");
      match(await run([...line, "--version"], clone), new RegExp(`^${version}$`, "m"));
    });
    await t.step("a line builds the executable", async () => {
      await run(readmeLine("npx -y deno@2.9.6 task compile:bun"), clone);
      match(await run(["./durable-streams", "--version"], clone), new RegExp(`^${version}$`, "m"));
    });
    await t.step("the executable shows the chat, without any runtime", () => tryDemo(clone));
    await t.step("npm installs it from the clone, with its types", async () => {
      const project = `${dir}/project`;
      mkdirSync(project);
      writeFileSync(`${project}/package.json`, '{ "type": "module" }');
      writeFileSync(`${project}/library.mjs`, LIBRARY_PROGRAM);
      writeFileSync(`${project}/types.mts`, TYPES_PROGRAM);
      await run(["npm", "install", clone], project);
      equal(await run(["node", "library.mjs", "memory"], project), "hello\n");
      await checkTypes(project);
    });
    await t.step("where nothing is built the types are the sources", async () => {
      Deno.removeSync(`${clone}/dist`, { recursive: true });
      await checkTypes(
        `${dir}/project`,
        "--moduleResolution bundler --module esnext " +
          "--allowImportingTsExtensions",
      );
    });
  });
});

/** Its page, and an answer of its model. */
async function tryDemo(clone: string): Promise<void> {
  const flags = ["--port", "0", "--pace", "1ms"];
  const demo = await startProgram([`${clone}/durable-streams`, "demo", ...flags], {
    cwd: clone,
    env: { PATH: "" },
  });
  try {
    const page = await (await fetch(demo.url)).text();
    const [, streams = ""] = /"streams":"([^"]*)"/.exec(page) ?? [];
    const posted = await fetch(`${demo.url}api/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: "c", answer: "a", messages: [] }),
    });
    equal(posted.status, 202, await posted.text());
    match(await new Client(streams).reader("chats/c/a").allText(), /data-ds-answer/);
  } finally {
    await demo.stop();
  }
}

async function checkTypes(cwd: string, more = "--module nodenext"): Promise<void> {
  const tsc = [
    inRepo("tests", "node_modules", "typescript", "bin", "tsc"),
    ..."--noEmit --strict --skipLibCheck --target es2024 --types node".split(" "),
    ...["--lib", "esnext,dom,dom.iterable", "--typeRoots"],
    inRepo("tests", "node_modules", "@types"),
    ...more.split(" "),
  ];
  const result = await runCommand([process.execPath, "run", "-A", ...tsc, "types.mts"], {
    cwd,
    limitMinutes: 2,
  });
  equal(result.code, 0, result.output);
}

/** Where npm is: beside the machine's own Node. */
async function npmFolder(): Promise<string> {
  const { output } = await runCommand(["which", "npm"], { limitMinutes: 1 });
  return dirname(output.trim());
}
