import type { Transport } from "../../client/transport/transport.ts";
import type { Clock } from "../../env/clock.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { Environment } from "../flags/flag_values.ts";

/** What a command has around it: the standard streams, the environment, the time and the network. */
export interface CommandContext {
  readonly environment: Environment;
  readonly clock: Clock;
  /** What stdin brings, as it comes. */
  readonly input: AsyncIterable<Bytes>;
  readonly inputIsTerminal: boolean;
  readonly outputIsTerminal: boolean;
  readonly errorsIsTerminal: boolean;
  /** How wide the terminal is on which errors appear. */
  readonly columns: number;
  /**
   * Writes to stdout; resolves when it is out of this process.
   *
   * @throws {BrokenPipe}
   */
  write(bytes: Bytes): Promise<void>;
  /** Writes a line to stderr. */
  printError(line: string): void;
  /** Writes to stderr as it is: what moves the cursor. */
  draw(text: string): void;
  /**
   * Has SIGINT, SIGTERM and SIGHUP end this process also where it is the first of its container, to which
   * they mean nothing by themselves.
   */
  endOnSignals(): void;
  /** What sends a request, once; the global `fetch` does unless given. */
  readonly transport?: Transport;
}

/** Who read stdout has left; to a Unix tool that is no failure. */
export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}
