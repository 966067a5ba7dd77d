import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { nodeProgram } from "../tools/package_build.ts";
import { runCommand } from "../tools/command.ts";
import { BUN } from "../tools/install.ts";
import { inRepo } from "../tools/repo.ts";

/** One way to run the program. */
export interface RuntimeTarget {
  readonly name: string;
  /** The program's command without its flags. */
  command(): Promise<readonly string[]>;
}

/** The Bun that the tests install, else the one on the path. */
export const bun = existsSync(BUN) ? BUN : "bun";

/** What the thin suite runs against; `TESTS_TARGET` picks some: `deno,bun`. */
export const RUNTIME_TARGETS: readonly RuntimeTarget[] = chosen([
  { name: "deno", command: onDeno },
  { name: "bun", command: onBun },
  { name: "node", command: nodeProgram },
  { name: "executable", command: compiled },
]);

/** Those, and who speaks HTTP in another way: for what depends on that. */
export const HTTP_TARGETS: readonly RuntimeTarget[] = [
  ...RUNTIME_TARGETS,
  ...chosen([
    { name: "deno-runtime-http", command: withRuntimeHttp(onDeno) },
    { name: "bun-runtime-http", command: withRuntimeHttp(onBun) },
  ]),
];

/** The same with several threads: for what may be different then. */
export const WORKER_TARGETS: readonly RuntimeTarget[] = chosen([
  { name: "deno-workers", command: withWorkers(onDeno) },
  { name: "bun-workers", command: withWorkers(onBun) },
  { name: "executable-workers", command: withWorkers(compiled) },
]);

function onDeno(): Promise<readonly string[]> {
  return Promise.resolve([Deno.execPath(), "run", "-A", inRepo("main.ts")]);
}

function onBun(): Promise<readonly string[]> {
  return Promise.resolve([bun, inRepo("main.ts")]);
}

/** With a thread for the storage and two for HTTP. */
function withWorkers(command: RuntimeTarget["command"]): RuntimeTarget["command"] {
  return async () => [...await command(), "--workers", "2"];
}

/** With the HTTP of the runtime itself. */
function withRuntimeHttp(command: RuntimeTarget["command"]): RuntimeTarget["command"] {
  return async () => [...await command(), "--http", "runtime"];
}

function chosen(targets: readonly RuntimeTarget[]): readonly RuntimeTarget[] {
  const names = process.env["TESTS_TARGET"]?.split(",");
  return targets.filter((target) => names?.includes(target.name) ?? true);
}

let building: Promise<readonly string[]> | undefined;

/** Built once for all the tests of a run, by the task that users build it with. */
function compiled(): Promise<readonly string[]> {
  return building ??= build();
}

async function build(): Promise<readonly string[]> {
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-executable-"));
  // Of a process that runs tests Deno announces the end like this only, and not by "exit".
  addEventListener("unload", () => rmSync(dir, { recursive: true, force: true }));
  const outfile = join(dir, "durable-streams");
  const script = inRepo("tools", "compile_bun.ts");
  const result = await runCommand([Deno.execPath(), "run", "-A", script, outfile], {
    limitMinutes: 5,
  });
  if (result.code !== 0) throw new Error(`Cannot build the executable:\n${result.output}`);
  return [outfile];
}
