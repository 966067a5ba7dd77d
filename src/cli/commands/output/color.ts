import type { FlagValues } from "../../flags/flag_values.ts";
import { PROGRAM } from "../../context/program_name.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { connectionFlags } from "../../flags/common_flags.ts";

/** Whether output has colours: on terminals, unless a flag or NO_COLOR turns them off. */
export function colorsOn(
  values: FlagValues,
  context: CommandContext,
  isTerminal: boolean,
): boolean {
  // An empty NO_COLOR counts as not set.
  const isOff = (context.environment["NO_COLOR"] ?? "") !== "";
  return isTerminal && !isOff && values.get(connectionFlags.color);
}

/** The beginning of every error message. */
export function errorPrefix(values: FlagValues, context: CommandContext): string {
  return colorsOn(values, context, context.errorsIsTerminal) ? red(`${PROGRAM}:`) : `${PROGRAM}:`;
}

/** Text that stands out as wrong. */
export function red(text: string): string {
  return `\x1b[31m${text}\x1b[39m`;
}

/** Text that stands out less. */
export function dim(text: string): string {
  return `\x1b[2m${text}\x1b[22m`;
}
