import { inRepo } from "../tools/repo.ts";

/** How a command ended and what it wrote. */
export interface CommandEnd {
  /** Its exit code; 128 and the signal's number where a signal ended it. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** A command of the program in a process of its own. */
export interface CommandProcess {
  readonly pid: number;
  /** Hands over more of stdin; what a dead process doesn't read is no failure here. */
  write(input: string | Uint8Array): Promise<void>;
  /** Ends stdin. */
  end(): Promise<void>;
  /** All of stdout up to now. */
  output(): string;
  /** Resolves when stdout holds this text; rejects where it ends without. */
  shows(text: string): Promise<void>;
  /** Sends a signal; the process may be gone already. */
  signal(name: Deno.Signal): void;
  readonly ended: Promise<CommandEnd>;
  /** SIGKILL and the wait for the end: for the `finally` of a test. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How a command is run. */
export interface CommandSettings {
  /** What `DURABLE_STREAMS_URL` is. */
  readonly url: string;
  readonly args: readonly string[];
}

const LIMIT_MS = 180_000;

/** Starts a command; three minutes later it is killed. */
export function startCommand(
  program: readonly string[],
  { url, args }: CommandSettings,
): CommandProcess {
  const [executable = "", ...before] = program;
  const child = new Deno.Command(executable, {
    args: [...before, ...args],
    cwd: inRepo(),
    env: { NO_COLOR: "1", DURABLE_STREAMS_URL: url },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const signal = (name: Deno.Signal) => {
    try {
      Deno.kill(child.pid, name);
    } catch {
      // It ended by itself, and `ended` says how.
    }
  };
  const timer = setTimeout(() => signal("SIGKILL"), LIMIT_MS);
  const stdin = child.stdin.getWriter();
  stdin.closed.catch(() => {});
  const stdout = new Collected(child.stdout);
  const stderr = new Collected(child.stderr);
  const end = () => stdin.close().catch(() => {});
  const ended = Promise.all([child.status, stdout.whole, stderr.whole])
    .then(async ([{ code, signal }, output, errors]): Promise<CommandEnd> => {
      clearTimeout(timer);
      await end();
      return { code, signal, stdout: output, stderr: new TextDecoder().decode(errors) };
    });
  return {
    pid: child.pid,
    async write(input) {
      const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
      await stdin.write(bytes).catch(() => {});
    },
    end,
    output: () => stdout.text,
    shows: (text) => stdout.shows(text),
    signal,
    ended,
    async [Symbol.asyncDispose]() {
      signal("SIGKILL");
      await ended;
    },
  };
}

/** Runs a command to its end. */
export async function runCommand(
  program: readonly string[],
  settings: CommandSettings,
  input: string | Uint8Array = "",
): Promise<CommandEnd> {
  const command = startCommand(program, settings);
  if (input.length > 0) await command.write(input);
  await command.end();
  return await command.ended;
}

/** What a process writes, as it comes. */
class Collected {
  readonly whole: Promise<Uint8Array>;
  readonly #parts: Uint8Array[] = [];
  #onMore = Promise.withResolvers<void>();
  #isOver = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.whole = this.#collect(stream);
  }

  get text(): string {
    return new TextDecoder().decode(this.#joined());
  }

  async shows(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      if (this.#isOver) throw new Error(`It ended without ${JSON.stringify(text)}: ${this.text}`);
      await this.#onMore.promise;
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
    for await (const part of stream) {
      this.#parts.push(part);
      this.#tell();
    }
    this.#isOver = true;
    this.#tell();
    return this.#joined();
  }

  #tell(): void {
    this.#onMore.resolve();
    this.#onMore = Promise.withResolvers();
  }

  #joined(): Uint8Array {
    const all = new Uint8Array(this.#parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
