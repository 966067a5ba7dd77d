import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";

/** A server on Deno, on disk, that comes back at the same address after a kill. */
export class SteadyServer {
  readonly url: string;
  readonly #dir: string;
  #program: Program;

  private constructor(dir: string, program: Program) {
    this.#dir = dir;
    this.#program = program;
    this.url = program.url;
  }

  /** Starts it on a port that is free. */
  static async start(): Promise<SteadyServer> {
    const dir = mkdtempSync(join(tmpdir(), "durable-streams-commands-"));
    try {
      return new SteadyServer(dir, await startProgram(command(dir, "0")));
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** SIGKILL, and a new start on the same directory and port. */
  async killAndStart(): Promise<void> {
    await this.kill();
    await this.startAgain();
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#program.kill();
  }

  /** A new start after a kill. */
  async startAgain(): Promise<void> {
    this.#program = await startProgram(command(this.#dir, new URL(this.url).port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function command(dir: string, port: string): string[] {
  return [Deno.execPath(), "run", "-A", inRepo("main.ts"), "--port", port, "--dir", dir];
}
