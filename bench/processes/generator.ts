import type { Command, Measurement, Reply, Timed } from "../generator/commands.ts";
import type { Cleanup } from "./cleanup.ts";
import { Lines } from "./lines.ts";
import { pinned } from "../system/pinning.ts";

const MAIN = new URL("../generator/main.ts", import.meta.url).pathname;
const GRACE_SECONDS = 90;
const SECONDS_PER_REQUEST = 0.01;

/** The generator's process is gone: nothing more can be measured. */
export class GeneratorEnded extends Error {
  constructor() {
    super("the load generator ended");
  }
}

/** The load generator's process: one for the whole run, so that its code is warm. */
export class Generator {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#lines = new Lines(child.stdout);
    this.#writer = child.stdin.getWriter();
  }

  /** Starts it. */
  static start(bun: string, core: number | undefined, cleanup: Cleanup): Generator {
    const [command = "", ...args] = pinned(core, [bun, MAIN]);
    const child = new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    cleanup.child(child);
    return new Generator(child);
  }

  /**
   * Runs a command that only prepares.
   *
   * @param requests about how many requests that takes: so much longer it may last
   */
  async prepare(command: Command, requests = 0): Promise<void> {
    await this.#send(command, GRACE_SECONDS + requests * SECONDS_PER_REQUEST);
  }

  /** Runs a timed command. */
  async measure(command: Command & Timed): Promise<Measurement> {
    const reply = await this.#send(command, command.warmSeconds + command.seconds + GRACE_SECONDS);
    if (!reply.ok || reply.measurement === undefined) throw new Error("no measurement came back");
    return reply.measurement;
  }

  /** Ends it. */
  async stop(cleanup: Cleanup): Promise<void> {
    await cleanup.end(this.#child);
  }

  async #send(command: Command, timeoutSeconds: number): Promise<Reply> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    // A generator that hangs is killed: its output ends, and so does this wait.
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutSeconds * 1000);
    const line = await this.#lines.next();
    clearTimeout(timer);
    if (line === undefined) throw new GeneratorEnded();
    const reply: Reply = JSON.parse(line);
    if (!reply.ok) throw new Error(reply.error);
    return reply;
  }
}
