import type { FlagTable } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import type { CommandContext } from "./command_context.ts";

/** One of the program's commands. */
export interface CliCommand {
  readonly name: string;
  readonly summary: string;
  /** What its help says after the summary. */
  readonly details?: string;
  /** What one would type, each with what it does. */
  readonly examples: readonly Example[];
  /** The words it takes beside its flags, in their order; the optional ones come last. */
  readonly args?: readonly Argument[];
  readonly flags: FlagTable;
  /** Does it; resolves to the exit code. */
  run(values: FlagValues, invocation: Invocation): Promise<number>;
}

/** A line for the shell, and what it does. */
export type Example = readonly [line: string, does: string];

/** A word that stands for itself: `PATH` in `read PATH`. */
export interface Argument {
  /** As the usage line shows it. */
  readonly name: string;
  /** What it is, as the middle of "needs PATH, …: usage". */
  readonly help: string;
  readonly optional?: boolean;
  /** It may be given again; it is the last one. */
  readonly repeats?: boolean;
  /** What it may be, where that is a choice. */
  readonly choices?: readonly string[];
  /** It names a stream: the server's listing completes it. */
  readonly isStream?: boolean;
}

/** What a command is called with beside its flags. */
export interface Invocation {
  /** As many as its `words` ask for, or allow. */
  readonly args: readonly string[];
  readonly context: CommandContext;
}
