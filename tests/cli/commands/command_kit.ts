import { main } from "../../../src/cli/program.ts";
import { BrokenPipe, type CommandContext } from "../../../src/cli/context/command_context.ts";
import type { ChildCommand, ChildEnd } from "../../../src/cli/context/child_command.ts";
import { fetchTransport } from "../../../src/client/transport/transport.ts";
import { systemClock } from "../../../src/env/clock.ts";
import type { Clock } from "../../../src/env/clock.ts";
import { type Bytes, decodeUtf8, encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { Fixture, type FixtureOptions, TEXT } from "../../support/fixture.ts";

const APPEND_CHARS = 1_000;

/** How a command ended and what it wrote. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The text that was drawn on a terminal. */
  readonly drawn: string;
}

/** The surroundings of a command, where they differ from the defaults. */
export interface RunOptions {
  readonly input?: string | Iterable<string | Bytes>;
  readonly environment?: Record<string, string>;
  readonly fetch?: (url: string, init: RequestInit) => Response | Promise<Response>;
  readonly clock?: Clock;
  /** Which of the standard streams are terminals. */
  readonly terminals?: readonly ("input" | "output" | "errors")[];
  /** Stands for the commands that are run; resolves to how each ends. */
  readonly runChild?: (child: ChildCommand) => ChildEnd | Promise<ChildEnd>;
  /** Gets what a signal that ends the program would call. */
  readonly onListening?: (end: (exitCode: number) => void) => void;
  /** Gets what a key would call. */
  readonly onKeys?: (press: (key: string) => void) => void;
  /** How many writes stdout takes before its reader leaves. */
  readonly writes?: number;
  /** Is told of each write to stdout as it comes. */
  readonly onWrite?: (text: string) => void;
}

/** The program's commands on an app in memory. */
export class CommandKit {
  readonly fixture: Fixture;

  constructor(options: FixtureOptions = {}) {
    this.fixture = new Fixture({ listing: true, ...options });
  }

  /** Runs the program with these arguments to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const stdout: Bytes[] = [];
    const stderr: string[] = [];
    let drawn = "";
    let writes = options.writes ?? Infinity;
    const clock = options.clock ?? systemClock;
    const { app } = this.fixture;
    const terminals = options.terminals ?? [];
    const environment = options.environment ?? {};
    const context: CommandContext = {
      environment,
      clock,
      input: chunksOf(options.input ?? ""),
      inputIsTerminal: terminals.includes("input"),
      outputIsTerminal: terminals.includes("output"),
      errorsIsTerminal: terminals.includes("errors"),
      columns: 80,
      write(bytes) {
        if (writes-- <= 0) return Promise.reject(new BrokenPipe());
        stdout.push(bytes.slice());
        options.onWrite?.(decodeUtf8(bytes));
        return Promise.resolve();
      },
      printError: (line) => stderr.push(line),
      endOnSignals: () => {},
      onEndSignal(listener) {
        options.onListening?.(listener);
        return () => {};
      },
      onKey(listener) {
        options.onKeys?.(listener);
        return () => {};
      },
      runChild: async (child) => await (options.runChild?.(child) ?? "no child"),
      draw: (text) => drawn += text,
      transport: fetchTransport({
        fetch: options.fetch ?? ((url, init) => app.request(url, init)),
        clock,
      }),
    };
    const code = await main(args, environment, context);
    const decoder = new TextDecoder();
    return {
      code,
      stdout: stdout.map((bytes) => decoder.decode(bytes, { stream: true })).join(""),
      stderr: stderr.join("\n"),
      drawn,
    };
  }

  /** Creates a text stream of many appends, so that small responses carry it in parts. */
  async fill(name: string, text: string): Promise<void> {
    await this.fixture.make(name, TEXT);
    for (let at = 0; at < text.length; at += APPEND_CHARS) {
      await this.fixture.append(name, TEXT, text.slice(at, at + APPEND_CHARS));
    }
  }

  /** Runs a command that must succeed and print nothing on stderr; returns its stdout. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0 || stderr !== "") throw new Error(`${args.join(" ")}: ${code} ${stderr}`);
    return stdout;
  }
}

async function* chunksOf(input: string | Iterable<string | Bytes>): AsyncIterable<Bytes> {
  const chunks = typeof input === "string" ? [input] : input;
  for (const chunk of chunks) {
    // As from a pipe, each comes in a turn of its own.
    await Promise.resolve();
    yield typeof chunk === "string" ? encodeUtf8(chunk) : chunk;
  }
}
