import { equal, ok } from "node:assert/strict";
import { type AskedServer, attempt } from "./killed_server.ts";

const TEXT = { "content-type": "text/plain" };

interface Expected {
  /** What HEAD answers. */
  status: number;
  closed: boolean;
  /** The whole content, where it is known. */
  content: string | undefined;
}

/**
 * Makes streams, closes, forks and deletes them, and remembers what was acknowledged. A step without an
 * answer leaves its stream unknown, and nothing more is asked of it.
 */
export class Lifecycles {
  readonly #name: string;
  readonly #expected = new Map<string, Expected>();
  #made = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** How many streams are known. */
  get known(): number {
    return this.#expected.size;
  }

  async run(server: AskedServer, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const stream = `${this.#name}/${this.#made++}`;
      const content = `content of ${stream};`;
      if (!await this.#step(server, stream, "PUT", {}, content, 201)) continue;
      this.#expected.set(stream, { status: 200, closed: false, content });
      const kind = this.#made % 4;
      if (kind === 1) await this.#close(server, stream, content);
      if (kind === 2) await this.#delete(server, stream);
      if (kind === 3) await this.#fork(server, stream, content);
    }
  }

  /** Asks for everything that is known. */
  async check(server: AskedServer): Promise<void> {
    for (const [stream, expected] of this.#expected) {
      const answer = await attempt(server, stream, {});
      ok(answer !== undefined, `${stream} is answered`);
      equal(answer.status, expected.status, `${stream} after its acknowledged steps`);
      if (expected.status !== 200) continue;
      equal(answer.headers.get("stream-closed"), expected.closed ? "true" : null, stream);
      if (expected.content !== undefined) {
        equal(new TextDecoder().decode(answer.body), expected.content, stream);
      }
    }
  }

  async #close(server: AskedServer, stream: string, content: string): Promise<void> {
    const last = "the last;";
    if (await this.#step(server, stream, "POST", { "stream-closed": "true" }, last, 204)) {
      this.#expected.set(stream, { status: 200, closed: true, content: content + last });
    }
  }

  async #delete(server: AskedServer, stream: string): Promise<void> {
    if (await this.#step(server, stream, "DELETE", {}, undefined, 204)) {
      this.#expected.set(stream, { status: 404, closed: false, content: undefined });
    }
  }

  async #fork(server: AskedServer, source: string, content: string): Promise<void> {
    const fork = `${source}/fork`;
    const headers = { "stream-forked-from": `/v1/stream/${source}` };
    if (!await this.#step(server, fork, "PUT", headers, "its own;", 201)) return;
    this.#expected.set(fork, { status: 200, closed: false, content: `${content}its own;` });
    if (await this.#step(server, source, "DELETE", {}, undefined, 204)) {
      this.#expected.set(source, { status: 410, closed: false, content: undefined });
    }
  }

  async #step(
    server: AskedServer,
    stream: string,
    method: string,
    headers: Record<string, string>,
    body: string | undefined,
    status: number,
  ): Promise<boolean> {
    const answer = await attempt(server, stream, {
      method,
      headers: { ...TEXT, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    if (answer === undefined) this.#expected.delete(stream);
    else equal(answer.status, status, `${method} ${stream}`);
    return answer !== undefined;
  }
}
