import type { Transport } from "../../client/transport/transport.ts";
import type { Clock } from "../../env/clock.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { ChildCommand, ChildEnd } from "./child_command.ts";
import type { Environment } from "../flags/flag_values.ts";

/** The surroundings of a command: the standard streams, the environment, the time and the network. */
export interface CommandContext {
  readonly environment: Environment;
  readonly clock: Clock;
  /** The chunks of stdin, as they arrive. */
  readonly input: AsyncIterable<Bytes>;
  readonly inputIsTerminal: boolean;
  readonly outputIsTerminal: boolean;
  readonly errorsIsTerminal: boolean;
  /** The width of the terminal of stderr. */
  readonly columns: number;
  /**
   * Writes to stdout; resolves when the bytes have left this process.
   *
   * @throws {BrokenPipe}
   */
  write(bytes: Bytes): Promise<void>;
  /** As that, off the main thread: signals are heard while nobody reads. Not to be mixed with it. */
  writeAside?(bytes: Bytes): Promise<void>;
  /** Writes a line to stderr. */
  printError(line: string): void;
  /** Writes text to stderr unchanged, for control of the cursor. */
  draw(text: string): void;
  /**
   * Makes SIGINT, SIGTERM and SIGHUP end this process even if it is the first of its container, where they
   * have no effect by default.
   */
  endOnSignals(): void;
  /**
   * Calls `listener` at the first SIGINT, SIGTERM or SIGHUP, with the exit code that stands for it, in place of
   * ending this process; a second one ends it.
   *
   * @returns takes the listener off
   */
  onEndSignal(listener: (exitCode: number) => void): () => void;
  /**
   * Calls `listener` with each key that is pressed, where stdin is a terminal; Ctrl-C is one of them then.
   *
   * @returns ends that
   */
  onKey(listener: (key: string) => void): () => void;
  /**
   * Runs a command of the user's to its end.
   *
   * @throws {NoSuchProgram}
   */
  runChild(command: ChildCommand): Promise<ChildEnd>;
  /** Sends a request, once; the global `fetch` unless given. */
  readonly transport?: Transport;
}

/** The reader of stdout has closed it; to a Unix tool that is no failure. */
export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}
