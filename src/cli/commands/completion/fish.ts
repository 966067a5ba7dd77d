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
export function fishCompletion(verbs: readonly CliCommand[]): string {
  const names = verbs.map(({ name }) => name).join(" ");
  const lines = verbs.flatMap((verb, index) => [
    `complete -c ${PROGRAM} -n ${
      quote(`not __fish_seen_subcommand_from ${names}`)
    } -f -a ${verb.name} -d ${quote(verb.summary)}`,
    ...linesOf(verb, index === 0 ? names : undefined),
  ]);
  return `# fish completion for ${PROGRAM}\n${lines.join("\n")}\n`;
}

const STREAMS = `(${LIST_STREAMS} (commandline -ct) 2>/dev/null)`;

/** @param others all the verbs' names, of the one that runs where none is named */
function linesOf(verb: CliCommand, others: string | undefined): readonly string[] {
  const seen = `__fish_seen_subcommand_from ${verb.name}`;
  const condition = others === undefined
    ? seen
    : `${seen}; or not __fish_seen_subcommand_from ${others}`;
  const head = `complete -c ${PROGRAM} -n ${quote(condition)}`;
  const choices = argumentChoices(verb);
  return [
    ...completedFlags(verb).map((flag) => `${head} ${flagOf(flag)}`),
    ...(takesStreams(verb) ? [`${head} -f -a ${quote(STREAMS)}`] : []),
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
