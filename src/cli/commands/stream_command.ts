import { ClientError } from "../../client/errors/client_error.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT, exitCodeOf } from "../context/exit_code.ts";
import type { FlagTable } from "../flags/flag.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { PROGRAM } from "../context/program_name.ts";
import { BrokenPipe, type Shell } from "../context/command_context.ts";
import { UsageError } from "../flags/usage_error.ts";
import { describeUnknown, unknownVariables } from "../flags/unknown_variables.ts";
import type { Example, Verb, Word } from "../context/cli_command.ts";
import { errorPrefix } from "./output/color.ts";
import { connectionFlags } from "../flags/common_flags.ts";
import { complaintOf } from "./output/error_message.ts";
import { NeverReached } from "./session/unreachable.ts";
import { onlyName, openSession, type Session } from "./session/session.ts";

/** `PATH`, as most commands take it. */
export const PATH: Word = {
  name: "PATH",
  help: "a stream's name such as logs/demo, or its URL",
  isStream: true,
};

/** A command that talks to a server. */
export interface StreamVerbSpec {
  readonly name: string;
  readonly summary: string;
  readonly details?: string;
  readonly examples: readonly Example[];
  readonly words: readonly Word[];
  /** Its words name no streams. */
  readonly wordsAreText?: boolean;
  /** Its own flags; those of every such command come on top. */
  readonly flags: FlagTable;
  /** Where it may go on for ever, a lost server is waited for as long. */
  mayFollow?(values: FlagValues): boolean;
  /** Does it; resolves to the exit code. */
  run(task: StreamTask): Promise<number>;
}

/** One call of such a command. */
export interface StreamTask {
  readonly values: FlagValues;
  readonly words: readonly string[];
  readonly session: Session;
  readonly shell: Shell;
}

/** A verb that opens a session, and tells on stderr and by its exit code what goes wrong. */
export function streamVerb(spec: StreamVerbSpec): Verb {
  const { name, summary, details, examples, words } = spec;
  return {
    name,
    summary,
    ...(details === undefined ? {} : { details }),
    examples,
    words,
    flags: { ...spec.flags, ...connectionFlags },
    async run(values, invocation) {
      const { shell } = invocation;
      shell.endOnSignals();
      for (const variable of unknownVariables(shell.environment)) {
        if (variable.meant !== undefined) {
          shell.complain(`${PROGRAM}: ${describeUnknown(variable)}`);
        }
      }
      const session = openSession(values, shell, spec.wordsAreText ? [] : invocation.words, {
        forEver: spec.mayFollow?.(values) ?? false,
      });
      try {
        return await spec.run({ values, session, shell, words: invocation.words });
      } catch (thrown) {
        const error = thrown instanceof NeverReached ? thrown.cause : thrown;
        if (error instanceof UsageError) throw error;
        if (error instanceof BrokenPipe) return EXIT.ok;
        shell.complain(`${errorPrefix(values, shell)} ${tell(error, session, spec)}`);
        return error instanceof CommandError ? error.exitCode : exitCodeOf(error);
      }
    },
  };
}

function tell(error: unknown, session: Session, spec: StreamVerbSpec): string {
  const name = spec.wordsAreText ? undefined : missingName(error, session);
  return complaintOf(error, { url: session.baseUrl, name });
}

/** A fork that finds no stream misses its source, the first of its words. */
function missingName(error: unknown, session: Session): string {
  const isMissing = error instanceof ClientError && error.code === "not_found";
  return isMissing ? onlyName(session) : session.names.at(-1) ?? "";
}
