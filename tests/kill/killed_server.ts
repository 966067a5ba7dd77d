import type { Fetch } from "../support/guard.ts";
import { type Program, startProgram } from "../tools/program.ts";

/** Whom clients ask, whatever becomes of it meanwhile. */
export interface AskedServer {
  /** Asks for a path under the streams' URL, once somebody is there. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** The server of a kill test: killed and started again on the same directory, under clients that go on. */
export class KilledServer implements AskedServer {
  readonly #command: readonly string[];
  readonly #fetch: Fetch;
  #program: Program | undefined;
  #up = Promise.withResolvers<string>();

  /**
   * @param command how the server is started, its directory and flags included
   * @param fetch how clients ask it
   */
  constructor(command: readonly string[], fetch: Fetch = globalThis.fetch) {
    this.#command = command;
    this.#fetch = fetch;
  }

  /** The streams' URL, once a server is up. */
  url(): Promise<string> {
    return this.#up.promise;
  }

  /** Asks for a path under the streams' URL, once a server is up. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return await this.#fetch(`${await this.url()}/${path}`, init);
  }

  async start(): Promise<void> {
    this.#program = await startProgram(this.#command);
    this.#up.resolve(this.#program.url);
  }

  /** SIGKILL; clients wait for the next start. */
  async kill(): Promise<void> {
    this.#up = Promise.withResolvers<string>();
    await this.#program?.kill();
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }
}

/**
 * Sends a request, once; `undefined` where nobody answered, or the answer was cut, or it says that the
 * server can't tell: what was asked for may have happened or not.
 */
export async function attempt(
  server: AskedServer,
  path: string,
  init: RequestInit,
): Promise<{ status: number; headers: Headers; body: Uint8Array } | undefined> {
  try {
    const response = await server.fetch(path, init);
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.status >= 500) return undefined;
    return { status: response.status, headers: response.headers, body };
  } catch {
    return undefined;
  }
}
