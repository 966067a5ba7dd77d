import process from "node:process";
import { systemClock } from "../../env/clock.ts";
import { writeStdoutAside } from "../../env/stdout_writer.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { Environment } from "../flags/flag_values.ts";
import { runChild } from "./run_child.ts";
import { BrokenPipe, type CommandContext } from "./command_context.ts";

const DEFAULT_COLUMNS = 80;
const FIRST_PROCESS = 1;
/** Signals that end a program, and the exit codes that stand for them. */
const END_SIGNALS = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const;

/** The surroundings of this process. */
export function processContext(environment: Environment): CommandContext {
  return {
    environment,
    clock: systemClock,
    input: { [Symbol.asyncIterator]: readStdin },
    get inputIsTerminal() {
      return process.stdin.isTTY === true;
    },
    outputIsTerminal: process.stdout.isTTY === true,
    errorsIsTerminal: process.stderr.isTTY === true,
    get columns() {
      // Of a terminal that doesn't know its size this is 0.
      return process.stderr.columns || DEFAULT_COLUMNS;
    },
    write: writeStdout,
    writeAside,
    // Not process.stderr.write: Bun does that later, and an exit would lose the last lines.
    printError: (line) => console.error(line),
    draw: (text) => process.stderr.write(text),
    endOnSignals,
    onEndSignal,
    onKey,
    runChild,
  };
}

/** In other processes the default ends them, and shows the shell that it was the signal. */
function endOnSignals(): void {
  if (process.pid !== FIRST_PROCESS) return;
  for (const [name, exitCode] of END_SIGNALS) process.on(name, () => process.exit(exitCode));
}

function onEndSignal(listener: (exitCode: number) => void): () => void {
  const takeOffs = END_SIGNALS.map(([name, exitCode]) => {
    const onSignal = () => {
      takeOff();
      listener(exitCode);
    };
    process.on(name, onSignal);
    return () => process.off(name, onSignal);
  });
  const takeOff = () => {
    for (const takeOffOne of takeOffs) takeOffOne();
    endOnSignals();
  };
  return takeOff;
}

function onKey(listener: (key: string) => void): () => void {
  const { stdin } = process;
  if (stdin.isTTY !== true) return () => {};
  const onData = (data: Uint8Array | string) => {
    for (const key of String(data)) listener(key);
  };
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.on("data", onData);
  stdin.resume();
  return () => {
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

async function* readStdin(): AsyncIterator<Bytes> {
  for await (const chunk of process.stdin) {
    yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : new Uint8Array(chunk);
  }
}

/** Resolves when the bytes are written, so that they are out before the process ends. */
function writeStdout(bytes: Bytes): Promise<void> {
  if (bytes.length === 0) return Promise.resolve();
  // The stream also emits its errors, and one without a listener would end the process.
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {});
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(isBrokenPipe(error) ? new BrokenPipe() : error);
    });
  });
}

async function writeAside(bytes: Bytes): Promise<void> {
  try {
    await writeStdoutAside(bytes);
  } catch (error) {
    throw error instanceof Error && isBrokenPipe(error) ? new BrokenPipe() : error;
  }
}

function isBrokenPipe(error: Error): boolean {
  return "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED");
}
