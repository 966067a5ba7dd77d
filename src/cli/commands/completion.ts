import { encodeUtf8 } from "../../protocol/bytes.ts";
import { EXIT } from "../context/exit_code.ts";
import { BrokenPipe } from "../context/command_context.ts";
import { UsageError } from "../flags/usage_error.ts";
import type { CliCommand } from "../context/cli_command.ts";
import { bashCompletion } from "./completion/bash.ts";
import { fishCompletion } from "./completion/fish.ts";
import { zshCompletion } from "./completion/zsh.ts";

const SCRIPTS: ReadonlyMap<string, (commands: readonly CliCommand[]) => string> = new Map([
  ["bash", bashCompletion],
  ["zsh", zshCompletion],
  ["fish", fishCompletion],
]);

/** `durable-streams completion SHELL`: a script that lets a shell complete the other commands. */
export function completionCommand(commands: () => readonly CliCommand[]): CliCommand {
  const shells = [...SCRIPTS.keys()];
  return {
    name: "completion",
    summary: "Print a script that lets a shell complete commands, flags and values.",
    details: `
bash   source <(durable-streams completion bash)      in ~/.bashrc
zsh    source <(durable-streams completion zsh)       in ~/.zshrc, after compinit
fish   durable-streams completion fish | source       in ~/.config/fish/config.fish`,
    examples: [["source <(durable-streams completion bash)", "for this shell"]],
    args: [{ name: "SHELL", help: shells.join(", "), choices: shells }],
    flags: {},
    async run(_values, { args: [name = ""], context }) {
      const script = SCRIPTS.get(name);
      if (script === undefined) {
        throw new UsageError(
          `no completion for ${JSON.stringify(name)}; accepted: ${shells.join(", ")}`,
        );
      }
      try {
        await context.write(encodeUtf8(script(commands())));
      } catch (error) {
        if (!(error instanceof BrokenPipe)) throw error;
      }
      return EXIT.ok;
    },
  };
}
