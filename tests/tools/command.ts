import { spawn } from "node:child_process";
import process from "node:process";
import { setTimeout } from "node:timers";
import { REPO } from "./repo.ts";

/** How a command is run. */
export interface CommandOptions {
  /** The folder it runs in: the repository's where nothing is said. */
  readonly cwd?: string;
  /** Variables on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** When it is ended for taking too long. */
  readonly limitMinutes: number;
  /** Told what it writes, as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** How a command ended. */
export interface CommandResult {
  /** Its exit code, 1 where a signal ended it. */
  readonly code: number;
  /** What it wrote, both outputs in the order they came. */
  readonly output: string;
  /** It was ended because it took too long. */
  readonly hitLimit: boolean;
}

const GRACE_MS = 10_000;
/** A command's leftovers hold its pipes open: how long to listen once it has ended. */
const PIPES_MS = 2_000;

/** Not before the commands that run beside have had their signal. */
function exitSoon(): void {
  setTimeout(() => process.exit(1));
}

/**
 * Runs a command to its end and keeps what it wrote.
 *
 * It leads a process group of its own, so that past its limit, or where this process is told to
 * stop, what it started ends with it.
 */
export function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd ?? REPO,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  let hitLimit = false;
  const collect = (chunk: string) => {
    output += chunk;
    options.onOutput?.(chunk);
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);

  /** Whether there was anybody of the group to get it; signal 0 only asks. */
  const signalGroup = (signal: NodeJS.Signals | 0): boolean => {
    if (child.pid === undefined) return false;
    try {
      return process.kill(-child.pid, signal);
    } catch {
      // Nobody of the group is left, which is what the signal was for.
      return false;
    }
  };
  const endGroup = () => {
    signalGroup("SIGTERM");
    setTimeout(() => signalGroup("SIGKILL"), GRACE_MS).unref();
  };
  const stopped = (signal: NodeJS.Signals) => {
    signalGroup(signal);
    exitSoon();
  };
  process.on("SIGINT", stopped).on("SIGTERM", stopped);
  const limit = setTimeout(() => {
    hitLimit = true;
    output += `\nended: ${command.join(" ")} took more than ${options.limitMinutes} minutes\n`;
    endGroup();
  }, options.limitMinutes * 60_000);

  return new Promise((resolve, reject) => {
    let pipes: ReturnType<typeof setTimeout> | undefined;
    const settle = () => {
      clearTimeout(limit);
      clearTimeout(pipes);
      process.off("SIGINT", stopped).off("SIGTERM", stopped);
    };
    child.once("error", (error) => {
      settle();
      reject(new Error(`Cannot run ${command.join(" ")}: ${error.message}`));
    });
    child.once("exit", () => {
      pipes = setTimeout(() => {
        // On a busy machine the end of what it wrote may be on its way still.
        if (!signalGroup(0)) return;
        output += "\nended: processes that the command had started were still there\n";
        endGroup();
      }, PIPES_MS);
    });
    child.once("close", (code) => {
      settle();
      resolve({ code: code ?? 1, output, hitLimit });
    });
  });
}
