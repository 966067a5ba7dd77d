import { PROGRAM } from "../../context/program_name.ts";
import type { CliCommand } from "../../context/cli_command.ts";
import { argumentChoices, completedFlags, LIST_STREAMS, takesStreams } from "./completed_flags.ts";

/** The completion script for bash. */
export function bashCompletion(commands: readonly CliCommand[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const cases = commands.map(caseOf).join("\n");
  const [first] = commands;
  return `# bash completion for ${PROGRAM}
_durable_streams() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local verb= flags= values= streams= word words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case " ${names} " in *" $word "*) verb=$word; break;; esac
  done
  COMPREPLY=()
  case \${verb:-${first?.name ?? ""}} in
${cases}
  esac
  case $values in
    none) return;;
    ?*) words=$values;;
    *)
      if [[ $cur == -* ]]; then words=$flags
      elif [[ -z $verb ]]; then words="${names}"
      elif [[ -n $streams ]]; then
        # Names come from others: compgen would expand what they hold.
        while IFS= read -r word; do
          COMPREPLY+=("$(printf %q "$word")")
        done < <(${LIST_STREAMS} "$cur" 2>/dev/null)
        return
      fi;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _durable_streams ${PROGRAM}
`;
}

function caseOf(command: CliCommand): string {
  const flags = completedFlags(command);
  const spellings = flags.flatMap((flag) => flag.spellings).join(" ");
  const chosen = flags.filter(({ takesValue, choices }) => takesValue && choices.length > 0);
  const free = flags.filter(({ takesValue, choices }) => takesValue && choices.length === 0);
  const lines = chosen.map(({ spellings, choices }) =>
    `        ${spellings.join("|")}) values="${choices.join(" ")}";;`
  );
  if (free.length > 0) {
    lines.push(`        ${free.flatMap((flag) => flag.spellings).join("|")}) values=none;;`);
  }
  const choices = argumentChoices(command);
  if (choices.length > 0) lines.push(`        ${command.name}) values="${choices.join(" ")}";;`);
  const values = lines.length === 0 ? "" : `
      case $prev in
${lines.join("\n")}
      esac`;
  const streams = takesStreams(command) ? "\n      streams=1" : "";
  return `    ${command.name})
      flags="${spellings}"${streams}${values};;`;
}
