import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Program, startProgram } from "../tools/program.ts";

/** The program on a directory and a port of its own, which it comes back to after a kill. */
export class CompatServer {
  readonly #command: readonly string[];
  readonly #flags: readonly string[];
  readonly #dir = mkdtempSync(join(tmpdir(), "durable-streams-compat-"));
  #program: Program | undefined;
  #port = "0";
  #streams = 0;

  /**
   * @param command the runtime and the program, without flags
   * @param flags what this server has beside its directory and its port
   */
  constructor(command: readonly string[], flags: readonly string[] = []) {
    this.#command = command;
    this.#flags = flags;
    // After an error that no test caught Deno runs no hooks, and of the end it tells like this only.
    addEventListener("unload", this.#endNow);
  }

  /** A started server, to be declared with `await using`. */
  static async start(
    command: readonly string[],
    flags: readonly string[] = [],
  ): Promise<CompatServer> {
    const server = new CompatServer(command, flags);
    await server.start();
    return server;
  }

  /** Listens on the port it had before, or on a free one. */
  async start(): Promise<void> {
    const place = ["--port", this.#port, "--dir", this.#dir];
    this.#program = await startProgram([...this.#command, ...place, ...this.#flags]);
    this.#port = new URL(this.#program.url).port;
  }

  /** SIGKILL, and the wait for the process's end. */
  async kill(): Promise<void> {
    await this.#program?.kill();
    this.#program = undefined;
  }

  /** Where the streams are; throws before the first start. */
  get url(): string {
    if (this.#program === undefined) throw new Error("The server isn't running: start it first.");
    return this.#program.url;
  }

  /** The URL of a stream that no other test has. */
  streamUrl(): string {
    return `${this.url}/compat/${this.#streams++}`;
  }

  /** SIGKILL and the directory's removal: what is on the disk isn't looked at any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    removeEventListener("unload", this.#endNow);
    await this.kill();
    this.#endNow();
  }

  readonly #endNow = () => {
    if (this.#program !== undefined) process.kill(this.#program.pid, "SIGKILL");
    rmSync(this.#dir, { recursive: true, force: true });
  };
}
