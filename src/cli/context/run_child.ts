import { spawn } from "node:child_process";
import process from "node:process";
import { systemClock } from "../../env/clock.ts";
import { type ChildCommand, type ChildEnd, NoSuchProgram } from "./child_command.ts";

/** How long a command may take to end after SIGTERM. */
const GRACE_MS = 10_000;

/**
 * Runs a command to its end.
 *
 * @throws {NoSuchProgram}
 */
export function runChild(
  { command: [program = "", ...args], environment, input, signal }: ChildCommand,
): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment };
    const child = spawn(program, args, { env, stdio: ["pipe", "inherit", "inherit"] });
    let cancelKill = () => {};
    const end = () => {
      child.kill("SIGTERM");
      cancelKill = systemClock.setTimer(GRACE_MS, () => child.kill("SIGKILL"));
    };
    const settle = () => {
      cancelKill();
      signal.removeEventListener("abort", end);
    };
    child.once("error", (error) => {
      settle();
      const isMissing = "code" in error && error.code === "ENOENT";
      const why = isMissing ? "no program of this name was found" : error.message;
      reject(new NoSuchProgram(`can't run ${JSON.stringify(program)}: ${why}`));
    });
    child.once("exit", (code, endedBy) => {
      settle();
      resolve(endedBy ?? code ?? "unknown");
    });
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    // A command may end without having read all of it.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
