import { PROGRAM } from "../../context/program_name.ts";
import type { Flag } from "../../flags/flag.ts";
import type { CliCommand } from "../../context/cli_command.ts";

/** A flag as a shell completes it. */
export interface CompletedFlag {
  /** As it is typed: `--json`, `--no-color`, `-f`. */
  readonly spellings: readonly string[];
  readonly help: string;
  readonly takesValue: boolean;
  /** The values it takes, if they are a choice. */
  readonly choices: readonly string[];
}

/** The flags of a command, with `--help`. */
export function completedFlags(command: CliCommand): readonly CompletedFlag[] {
  const flags = Object.values<Flag<unknown>>(command.flags).map((flag): CompletedFlag => {
    const isOff = flag.placeholder === undefined && flag.default === true;
    return {
      spellings: [
        `--${isOff ? "no-" : ""}${flag.name}`,
        ...(flag.short === undefined ? [] : [`-${flag.short}`]),
      ],
      help: firstSentence(flag.help),
      takesValue: flag.placeholder !== undefined,
      choices: flag.choices ?? [],
    };
  });
  return [
    ...flags,
    { spellings: ["--help", "-h"], help: "Print the help.", takesValue: false, choices: [] },
  ];
}

/** The choices for a command's first argument, if it has any. */
export function argumentChoices(command: CliCommand): readonly string[] {
  return command.args?.[0]?.choices ?? [];
}

/** Whether a command's arguments are streams. */
export function takesStreams({ args = [] }: CliCommand): boolean {
  return args.some(({ isStream }) => isStream);
}

/** Prints the streams whose names begin with the argument that follows; within a second, or none. */
export const LIST_STREAMS = `${PROGRAM} list --limit 200 --timeout 1s --retry 0s --`;

function firstSentence(text: string): string {
  return /^.*?[.;](?=\s|$)/.exec(text)?.[0].slice(0, -1) ?? text;
}
