import { inRepo } from "../tools/repo.ts";

/** How a process ended and all that it wrote. */
export interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program in a process of its own, listening. */
export interface ServerProcess {
  readonly pid: number;
  /** Where its streams are: `http://127.0.0.1:PORT/v1/stream`. */
  readonly url: string;
  /** Sends a signal; the process may be gone already. */
  signal(name: Deno.Signal): void;
  /** What it has written to stderr up to now. */
  stderr(): string;
  readonly ended: Promise<Ending>;
  /** SIGKILL and the wait for the end: for the `finally` of a test. */
  [Symbol.asyncDispose](): Promise<void>;
}

const READY_LIMIT_MS = 60_000;

/** Starts the program and waits until it says that it listens. */
export async function startServer(
  command: readonly string[],
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args: [...args, ...flags],
    cwd: inRepo(),
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ready = Promise.withResolvers<string>();
  const stdout = collect(child.stdout, (text) => {
    const line = /^listening on (\S+)\n/m.exec(text)?.[1];
    if (line !== undefined) ready.resolve(line);
  });
  let written = "";
  const stderr = collect(child.stderr, (text) => written = text);
  const ended = Promise.all([child.status, stdout, stderr])
    .then(([{ code }, stdout, stderr]) => ({ code, stdout, stderr }));
  const signal = (name: Deno.Signal) => {
    try {
      Deno.kill(child.pid, name);
    } catch {
      // It ended by itself, and `ended` says how.
    }
  };
  const timer = setTimeout(() => signal("SIGKILL"), READY_LIMIT_MS);
  const first = await Promise.race([ready.promise, ended]);
  clearTimeout(timer);
  if (typeof first !== "string") {
    throw new Error(`The program didn't start (exit code ${first.code}):\n${first.stderr}`);
  }
  return {
    pid: child.pid,
    url: first,
    signal,
    stderr: () => written,
    ended,
    async [Symbol.asyncDispose]() {
      signal("SIGKILL");
      await ended;
    },
  };
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onText: (all: string) => void,
): Promise<string> {
  let all = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) onText(all += text);
  return all;
}
