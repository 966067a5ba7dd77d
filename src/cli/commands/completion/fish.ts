import { PROGRAM } from "../../context/program_name.ts";
import type { CliCommand } from "../../context/cli_command.ts";
import {
  argumentChoices,
  type CompletedFlag,
  completedFlags,
  LIST_STREAMS,
  takesStreams,
} from "./completed_flags.ts";

/** The completion script for fish. */
export function fishCompletion(commands: readonly CliCommand[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = commands.flatMap((command, index) => [
    `complete -c ${PROGRAM} -n ${
      quote(`not __fish_seen_subcommand_from ${names}`)
    } -f -a ${command.name} -d ${quote(command.summary)}`,
    ...linesOf(command, index === 0 ? names : undefined),
  ]);
  return `# fish completion for ${PROGRAM}\n${lines.join("\n")}\n`;
}

const STREAMS = `(${LIST_STREAMS} (commandline -ct) 2>/dev/null)`;

/** @param others every command's name, for the command that runs where none is named */
function linesOf(command: CliCommand, others: string | undefined): readonly string[] {
  const seen = `__fish_seen_subcommand_from ${command.name}`;
  const condition = others === undefined
    ? seen
    : `${seen}; or not __fish_seen_subcommand_from ${others}`;
  const head = `complete -c ${PROGRAM} -n ${quote(condition)}`;
  const choices = argumentChoices(command);
  return [
    ...completedFlags(command).map((flag) => `${head} ${flagOf(flag)}`),
    ...(takesStreams(command) ? [`${head} -f -a ${quote(STREAMS)}`] : []),
    ...(choices.length === 0 ? [] : [`${head} -f -a ${quote(choices.join(" "))}`]),
  ];
}

function flagOf({ spellings, help, takesValue, choices }: CompletedFlag): string {
  const names = spellings.map((spelling) =>
    spelling.startsWith("--") ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`
  );
  const value = takesValue ? " -x" : "";
  const values = choices.length === 0 ? "" : ` -a ${quote(choices.join(" "))}`;
  return `${names.join(" ")}${value}${values} -d ${quote(help)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
