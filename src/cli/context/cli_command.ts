import type { FlagTable } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import type { CommandContext } from "./command_context.ts";

/** One of the program's commands. */
export interface CliCommand {
  readonly name: string;
  readonly summary: string;
  /** The part of its help after the summary. */
  readonly details?: string;
  /** Example command lines, each with its effect. */
  readonly examples: readonly Example[];
  /** Its arguments beside the flags, in order; the optional ones come last. */
  readonly args?: readonly Argument[];
  readonly flags: FlagTable;
  /** The configuration file that its arguments name, where they may. */
  configFile?(args: readonly string[]): string | undefined;
  /** Runs the command; resolves to the exit code. */
  run(values: FlagValues, invocation: Invocation): Promise<number>;
}

/** A command line and its effect. */
export type Example = readonly [line: string, does: string];

/** An argument that isn't a flag: `PATH` in `read PATH`. */
export interface Argument {
  /** Its name in the usage line. */
  readonly name: string;
  /** Its description, as the middle of "needs PATH, …: usage". */
  readonly help: string;
  readonly optional?: boolean;
  /** It may be given several times; it is the last one. */
  readonly repeats?: boolean;
  /** The values it accepts, if they are a choice. */
  readonly choices?: readonly string[];
  /** It names a stream: the server's listing completes it. */
  readonly isStream?: boolean;
}

/** The arguments and surroundings of one call of a command. */
export interface Invocation {
  /** As many as the command's `args` require or allow. */
  readonly args: readonly string[];
  readonly context: CommandContext;
  /**
   * Reads the configuration file again, under the same command line and environment.
   *
   * @throws {UsageError} where it is wrong now
   */
  readAgain(): FlagValues;
}
