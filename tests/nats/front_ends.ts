import { setTimeout as sleep } from "node:timers/promises";
import { BUN } from "../tools/install.ts";
import { type Program, startProgram } from "../tools/program.ts";
import type { AskedServer } from "../kill/killed_server.ts";
import type { NatsCluster } from "../support/nats/nats_cluster.ts";

/** Short, so that a fault is over within seconds. */
const LIMITS = [
  ...["--nats-timeout", "2s", "--nats-write-timeout", "10s", "--nats-unavailable-after", "2s"],
  ...["--long-poll-timeout", "2s", "--sse-close-after", "10s"],
];
/** After so long a client asks another one; far more than any of these limits. */
const ANSWER_LIMIT_MS = 20_000;
const RETRY_MS = 50;

/** Front ends of one cluster, which clients ask by turns: one on Deno, the next on Bun. */
export class FrontEnds implements AskedServer {
  readonly #commands: readonly (readonly string[])[];
  readonly #programs: (Program | undefined)[] = [];
  #turn = 0;

  private constructor(commands: readonly (readonly string[])[]) {
    this.#commands = commands;
  }

  /** Starts two. */
  static async start(
    { urls }: Pick<NatsCluster, "urls">,
    flags: readonly string[] = [],
  ): Promise<FrontEnds> {
    const all = ["--port", "0", "--storage", "nats", "--nats", urls.join(","), ...LIMITS, ...flags];
    const programs = [[Deno.execPath(), "run", "-A", "main.ts"], [BUN, "main.ts"]];
    const frontEnds = new FrontEnds(programs.map((program) => [...program, ...all]));
    try {
      await Promise.all(programs.map((_, index) => frontEnds.restart(index)));
    } catch (error) {
      await frontEnds[Symbol.asyncDispose]();
      throw error;
    }
    return frontEnds;
  }

  get count(): number {
    return this.#commands.length;
  }

  /** Asks the next one that runs. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const up = this.#programs.filter((program) => program !== undefined);
    const program = up[this.#turn++ % up.length];
    if (program === undefined) {
      await sleep(RETRY_MS);
      throw new Error("No front end runs.");
    }
    const response = await ask(program, path, init);
    // As a client of HTTP does, which waits before it asks again.
    if (response.status === 503) await sleep(RETRY_MS);
    return response;
  }

  /** Asks that one. */
  async fetchFrom(index: number, path: string, init: RequestInit = {}): Promise<Response> {
    const program = this.#programs[index];
    if (program === undefined) throw new Error(`Front end ${index} doesn't run.`);
    return await ask(program, path, init);
  }

  /** What they have logged. */
  output(): string {
    return this.#programs.map((program) => program?.output()).join("\n");
  }

  /** What that one says of itself; the path under its origin. */
  async tell(index: number, path: string): Promise<Response> {
    return await fetch(`${this.#programs[index]?.origin}${path}`);
  }

  /** Ends one as a crash does; clients go on with the others. */
  async kill(index: number): Promise<void> {
    const program = this.#programs[index];
    this.#programs[index] = undefined;
    await program?.kill();
  }

  /** Starts one. */
  async restart(index: number): Promise<void> {
    this.#programs[index] = await startProgram(this.#commands[index] ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#commands.map((_, index) => this.kill(index)));
  }
}

async function ask({ url }: Program, path: string, init: RequestInit): Promise<Response> {
  const isLive = path.includes("live=") || path === "__ds/live";
  return await fetch(`${url}/${path}`, {
    ...init,
    ...(isLive ? {} : { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }),
  });
}
