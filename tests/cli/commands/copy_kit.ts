import { equal } from "node:assert/strict";
import { Fixture, type FixtureOptions, header } from "../../support/fixture.ts";
import { CommandKit, type CommandResult, type RunOptions } from "./command_kit.ts";

export const FROM = "http://a.test/v1/stream";
export const TO = "http://b.test/v1/stream";

/** One request. */
export interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
}

/** What stands between the command and a server. */
export type Gate = (sent: Sent, pass: () => Promise<Response>) => Response | Promise<Response>;

/** `copy` from an app in memory to another. */
export class CopyKit {
  readonly source: Fixture;
  readonly target: Fixture;
  readonly #kit = new CommandKit();
  /** Stands between the command and the target. */
  gate: Gate = (_, pass) => pass();
  /** Stands between the command and the source. */
  sourceGate: Gate = (_, pass) => pass();

  constructor(options: FixtureOptions = {}, target: FixtureOptions = {}) {
    this.source = new Fixture({ listing: true, ...options });
    this.target = new Fixture({ listing: true, ...target });
  }

  /** Runs `copy` from the one to the other. */
  async run(args: readonly string[] = [], options: RunOptions = {}): Promise<CommandResult> {
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      const at = new URL(url);
      const isSource = at.host === "a.test";
      const { app } = isSource ? this.source : this.target;
      const sent = { method: init.method ?? "GET", url: at, headers: new Headers(init.headers) };
      const gate = isSource ? this.sourceGate : this.gate;
      return await gate(sent, async () => await app.request(url, init));
    };
    return await this.#kit.run(["copy", "--from", FROM, "--to", TO, ...args], {
      fetch,
      ...options,
    });
  }

  /** Runs `copy`, which must succeed and say nothing on stderr. */
  async ok(args: readonly string[] = [], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    equal(stderr, "");
    equal(code, 0);
    return stdout;
  }

  /** Runs `copy --json`; resolves to what it printed. */
  async json(args: readonly string[] = []): Promise<Record<string, unknown>[]> {
    const { stdout } = await this.run([...args, "--json"]);
    return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  }
}

/** The whole stream, however many answers it takes. */
export async function whole(fixture: Fixture, name: string): Promise<string> {
  let text = "";
  for (let offset = "-1";;) {
    const answer = await fixture.get(`${name}?offset=${offset}`);
    text += await answer.text();
    offset = header(answer, "stream-next-offset");
    if (answer.headers.has("stream-up-to-date")) return text.replaceAll("][", ",\n");
  }
}

/** Numbers as a JSON array, as the server writes one. */
export function numbers(from: number, to: number): string {
  return `[${Array.from({ length: to - from }, (_, i) => from + i).join(",\n")}]`;
}
