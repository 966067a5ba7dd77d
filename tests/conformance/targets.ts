import { join } from "node:path";
import { nodeProgram } from "../tools/package_build.ts";
import { runCommand } from "../tools/command.ts";
import { BUN } from "../tools/install.ts";

/** One way to run the program, and what it keeps its streams in. */
export interface Target {
  readonly name: string;
  readonly storage: "memory" | "file" | "nats";
  /** The program's command without its flags, made in `dir` where it has to be made. */
  readonly program: (
    dir: string,
  ) => Promise<readonly string[]> | readonly string[];
  /** How a second front end of the same storage is started: requests go to one or the other by turns. */
  readonly secondProgram?: () => readonly string[];
  /** Whether it asks for a token, and speaks TLS. */
  readonly isGuarded?: boolean;
}

const onDeno = () => [Deno.execPath(), "run", "-A", "main.ts"];
const onBun = () => [BUN, "main.ts"];

/** What the suite runs against. */
export const TARGETS: readonly Target[] = [
  { name: "deno-memory", storage: "memory", program: onDeno },
  { name: "bun-memory", storage: "memory", program: onBun },
  { name: "node-memory", storage: "memory", program: nodeProgram },
  { name: "deno-file", storage: "file", program: onDeno },
  { name: "bun-file", storage: "file", program: onBun },
  { name: "node-file", storage: "file", program: nodeProgram },
  {
    name: "bun-file-workers",
    storage: "file",
    program: () => [...onBun(), "--workers", "2"],
  },
  {
    name: "deno-file-runtime-http",
    storage: "file",
    program: () => [...onDeno(), "--http", "runtime"],
  },
  {
    name: "bun-file-runtime-http",
    storage: "file",
    program: () => [...onBun(), "--http", "runtime"],
  },
  { name: "deno-file-guarded", storage: "file", program: onDeno, isGuarded: true },
  { name: "bun-file-guarded", storage: "file", program: onBun, isGuarded: true },
  // Written through one front end, and read live through the other.
  { name: "nats", storage: "nats", program: onDeno, secondProgram: onBun },
  { name: "executable-file", storage: "file", program: compileExecutable },
];

/** By Bun's compiler, as `deno task compile:bun` does: Deno's fetches what it builds with. */
async function compileExecutable(dir: string): Promise<readonly string[]> {
  const outfile = join(dir, "durable-streams");
  const result = await runCommand(
    [Deno.execPath(), "run", "-A", "tools/compile_bun.ts", outfile],
    { limitMinutes: 5 },
  );
  if (result.code !== 0) throw new Error(`Cannot compile the program:\n${result.output}`);
  return [outfile];
}
