import type { FlagValues } from "../../flags/flag_values.ts";
import { PROGRAM } from "../../context/program_name.ts";
import type { CommandContext } from "../../context/command_context.ts";
import { connectionFlags } from "../../flags/common_flags.ts";

/** Whether what is written there may have colours: on terminals, unless someone said no. */
export function colorsOn(
  values: FlagValues,
  context: CommandContext,
  isTerminal: boolean,
): boolean {
  // NO_COLOR counts where it is set to anything but nothing.
  const refused = (context.environment["NO_COLOR"] ?? "") !== "";
  return isTerminal && !refused && values.get(connectionFlags.color);
}

/** What messages begin with. */
export function errorPrefix(values: FlagValues, context: CommandContext): string {
  return colorsOn(values, context, context.errorsIsTerminal) ? red(`${PROGRAM}:`) : `${PROGRAM}:`;
}

/** Text that stands out as wrong. */
export function red(text: string): string {
  return `\x1b[31m${text}\x1b[39m`;
}

/** Text that steps back. */
export function dim(text: string): string {
  return `\x1b[2m${text}\x1b[22m`;
}
