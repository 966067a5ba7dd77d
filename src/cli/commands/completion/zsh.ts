import { PROGRAM } from "../../context/program_name.ts";
import type { CliCommand } from "../../context/cli_command.ts";
import {
  argumentChoices,
  type CompletedFlag,
  completedFlags,
  LIST_STREAMS,
  takesStreams,
} from "./completed_flags.ts";

/** The completion script for zsh. */
export function zshCompletion(commands: readonly CliCommand[]): string {
  const names = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = commands.map(caseOf);
  return `#compdef ${PROGRAM}
_durable_streams_names() {
  compadd -- \${(f)"$(${LIST_STREAMS} "$PREFIX" 2>/dev/null)"}
}
_durable_streams() {
  local -a verbs
  verbs=(
${names.join("\n")}
  )
  local verb=$verbs[1]
  verb=\${verb%%:*}
  if (( CURRENT > 2 )) && (( \${verbs[(I)$words[2]:*]} )); then
    verb=$words[2]
    shift words
    (( CURRENT-- ))
  elif [[ $words[CURRENT] != -* ]] && (( CURRENT == 2 )); then
    _describe command verbs
    return
  fi
  case $verb in
${cases.join("\n")}
  esac
}
compdef _durable_streams ${PROGRAM}
`;
}

function caseOf(command: CliCommand): string {
  const specs = completedFlags(command).flatMap((flag) =>
    flag.spellings.map((spelling) => `      ${quote(specOf(spelling, flag))}`)
  );
  const choices = argumentChoices(command);
  if (choices.length > 0) specs.push(`      ${quote(`1:word:(${choices.join(" ")})`)}`);
  if (takesStreams(command)) specs.push(`      ${quote("*:stream:_durable_streams_names")}`);
  return `    ${command.name}) _arguments -s \\\n${specs.join(" \\\n")};;`;
}

/** Repeated ones are allowed; brackets and colons of the help would be taken for the spec's own. */
function specOf(spelling: string, { help, takesValue, choices }: CompletedFlag): string {
  const text = help.replaceAll(/[[\]]/g, "").replaceAll(":", "\\:");
  const value = !takesValue ? "" : `:value:${choices.length > 0 ? `(${choices.join(" ")})` : " "}`;
  return `*${spelling}[${text}]${value}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
