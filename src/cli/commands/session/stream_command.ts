import { ClientError } from "../../../client/errors/client_error.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT, exitCodeOf } from "../../context/exit_code.ts";
import type { FlagTable } from "../../flags/flag.ts";
import type { FlagValues } from "../../flags/flag_values.ts";
import { PROGRAM } from "../../context/program_name.ts";
import { BrokenPipe, type CommandContext } from "../../context/command_context.ts";
import { UsageError } from "../../flags/usage_error.ts";
import { describeUnknown, unknownVariables } from "../../flags/unknown_variables.ts";
import type { Argument, CliCommand, Example } from "../../context/cli_command.ts";
import { errorPrefix } from "../output/color.ts";
import { connectionFlags } from "../../flags/common_flags.ts";
import { errorMessageOf } from "../output/error_message.ts";
import { ServerUnreachable } from "./unreachable.ts";
import { onlyName, openSession, type Session } from "./session.ts";

/** `PATH`, the argument of most commands. */
export const PATH: Argument = {
  name: "PATH",
  help: "a stream's name such as logs/demo, or its URL",
  isStream: true,
};

/** A command that talks to a server. */
export interface StreamCommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly details?: string;
  readonly examples: readonly Example[];
  readonly args: readonly Argument[];
  /** Its arguments name no streams. */
  readonly argsAreText?: boolean;
  /** So many of them come before those that do; 0 unless given. */
  readonly firstName?: number;
  /** Its own flags; {@link connectionFlags} are added. */
  readonly flags: FlagTable;
  /** It does something of its own at SIGINT, SIGTERM and SIGHUP. */
  readonly handlesSignals?: boolean;
  /** Whether it may run for ever, so that it also waits for ever for a lost server. */
  mayFollow?(values: FlagValues): boolean;
  /** Runs the command; resolves to the exit code. */
  run(task: StreamTask): Promise<number>;
}

/** One call of such a command. */
export interface StreamTask {
  readonly values: FlagValues;
  readonly args: readonly string[];
  readonly session: Session;
  readonly context: CommandContext;
}

/** A command that opens a session, and reports failures on stderr and by its exit code. */
export function streamCommand(spec: StreamCommandSpec): CliCommand {
  const { name, summary, details, examples, args } = spec;
  return {
    name,
    summary,
    ...(details === undefined ? {} : { details }),
    examples,
    args,
    flags: { ...spec.flags, ...connectionFlags },
    async run(values, invocation) {
      const { context } = invocation;
      if (!spec.handlesSignals) context.endOnSignals();
      for (const variable of unknownVariables(context.environment)) {
        if (variable.meant !== undefined) {
          context.printError(`${PROGRAM}: ${describeUnknown(variable)}`);
        }
      }
      const session = openSession(values, context, namesIn(spec, invocation.args), {
        forEver: spec.mayFollow?.(values) ?? false,
      });
      try {
        return await spec.run({ values, session, context, args: invocation.args });
      } catch (thrown) {
        const error = thrown instanceof ServerUnreachable ? thrown.cause : thrown;
        if (error instanceof UsageError) throw error;
        if (error instanceof BrokenPipe) return EXIT.ok;
        context.printError(`${errorPrefix(values, context)} ${messageFor(error, session, spec)}`);
        return error instanceof CommandError ? error.exitCode : exitCodeOf(error);
      }
    },
  };
}

function namesIn({ argsAreText, firstName = 0 }: StreamCommandSpec, args: readonly string[]) {
  return argsAreText === true ? [] : args.slice(firstName);
}

function messageFor(error: unknown, session: Session, spec: StreamCommandSpec): string {
  const name = spec.argsAreText ? undefined : missingName(error, session);
  return errorMessageOf(error, { url: session.shownUrl, name });
}

/** The stream that wasn't found: for a fork its source, the first argument. */
function missingName(error: unknown, session: Session): string {
  const isMissing = error instanceof ClientError && error.code === "not_found";
  return isMissing ? onlyName(session) : session.names.at(-1) ?? "";
}
