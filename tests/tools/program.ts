import { spawn } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers";
import { REPO } from "./repo.ts";

/** The program as it runs in a process of its own. */
export interface Program {
  /** The server's own process, not a wrapper's. */
  readonly pid: number;
  /** Where streams are: `http://127.0.0.1:PORT/v1/stream`. */
  readonly url: string;
  /** The same without the path. */
  readonly origin: string;
  /** What it wrote last, both outputs. */
  output(): string;
  /** SIGTERM, and the wait for its end. Throws where it had ended before or doesn't end. */
  stop(): Promise<void>;
  /** SIGKILL, and the wait for its end. */
  kill(): Promise<void>;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
}

/** How the program is started. */
export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take to say where it listens. */
  readonly readyMs?: number;
  /** How long it may take to end after SIGTERM. */
  readonly stopMs?: number;
}

const READY = /^listening on ((https?:\/\/[^\s/]+)\S*)$/m;
const KEPT_CHARS = 100_000;

/**
 * Starts the program and waits until it listens. Start it by the runtime or the executable itself:
 * of a wrapper such as `deno task` only the wrapper would be stopped.
 */
export async function startProgram(
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<Program> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd ?? REPO,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<Ending>((resolve) => {
    child.once("exit", (code, signal) => resolve(String(signal ?? code)));
    child.once("error", (error) => resolve(error.message));
  });
  let ending: Ending | undefined;
  const signal = (name: NodeJS.Signals) => {
    if (child.pid === undefined || ending !== undefined) return;
    try {
      // Not child.kill: on Deno a second one does nothing, and after SIGTERM there may be SIGKILL.
      process.kill(child.pid, name);
    } catch {
      // It has ended, and the news of it is on its way.
    }
  };
  // A test runner that exits early must not leave a server behind.
  const killNow = () => signal("SIGKILL");
  process.once("exit", killNow);
  ended.then((how) => {
    ending = how;
    process.off("exit", killNow);
  });

  let written = "";
  const collect = (chunk: string) => written = (written + chunk).slice(-KEPT_CHARS);
  child.stderr.setEncoding("utf8").on("data", collect);
  child.stdout.setEncoding("utf8").on("data", collect);
  const readyMs = options.readyMs ?? 60_000;
  const match = await Promise.race([readyLine(child.stdout), ended, sleep(readyMs)]);
  if (typeof match !== "object" || child.pid === undefined) {
    killNow();
    const how = match ?? `nothing within ${readyMs} ms`;
    await ended;
    throw new Error(
      `${command.join(" ")} didn't say "listening on URL" (${how}):\n${written}`,
    );
  }
  const [, url = "", origin = ""] = match;
  return {
    pid: child.pid,
    url,
    origin,
    output: () => written,
    ended,
    async stop() {
      if (ending !== undefined) {
        throw new Error(`The program had ended already (${ending}):\n${written}`);
      }
      signal("SIGTERM");
      const stopMs = options.stopMs ?? 60_000;
      if (await Promise.race([ended, sleep(stopMs)]) !== undefined) return;
      killNow();
      await ended;
      throw new Error(`The program didn't end within ${stopMs} ms of SIGTERM:\n${written}`);
    },
    async kill() {
      killNow();
      await ended;
    },
  };
}

/** The exit code, the signal, or why there was no process. */
type Ending = string;

/** Resolves with the line that says where the program listens. */
function readyLine(stdout: Readable): Promise<RegExpMatchArray> {
  return new Promise((resolve) => {
    let written = "";
    stdout.on("data", (chunk: string) => {
      if (written.length > KEPT_CHARS) return;
      written += chunk;
      // Only whole lines: a chunk may end inside the port.
      const match = READY.exec(written.slice(0, written.lastIndexOf("\n")));
      if (match !== null) resolve(match);
    });
  });
}

function sleep(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
