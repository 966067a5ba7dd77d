import process from "node:process";
import { Command, CommanderError } from "commander";
import { addFlags, type Environment, readFlags } from "./flag_values.ts";
import { serve } from "./serve.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";
import { version } from "./version.ts";

const NAME = "durable-streams";
const USAGE_EXIT_CODE = 2;

const UNITS = `
Every flag can be set by its environment variable; a flag on the command line wins.
A switch is turned off by --no-NAME, or by "false" in the environment.
Durations: 500ms, 30s, 5m, 1h. Sizes: 512 (bytes), 64KiB, 1MiB, 1GiB.`;

/** The program's commands; the first is the one that runs where none is named. */
const verbs: readonly Verb[] = [serve];

/**
 * Runs the program with these arguments and resolves to its exit code: 0, 1 for a failure, 2 for a
 * command line or environment that is wrong.
 */
export async function main(
  args: readonly string[] = process.argv.slice(2),
  environment: Environment = process.env,
): Promise<number> {
  let exitCode = 0;
  const root = build(environment, (code) => exitCode = code);
  try {
    await root.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError || error instanceof UsageError) {
      console.error(`${NAME}: ${explain(root, error)}`);
      return USAGE_EXIT_CODE;
    }
    throw error;
  }
}

function build(environment: Environment, done: (exitCode: number) => void): Command {
  const root = new Command(NAME)
    .description("Serves append-only streams over HTTP that never lose what they acknowledged.")
    .usage("[command] [flags]")
    .version(version, "-V, --version", "Print the version.")
    .helpOption("-h, --help", "Print this help.")
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .exitOverride()
    .configureOutput({
      // Writing to process.stdout is not finished when process.exit ends a Bun program; this is.
      writeOut: (text) => console.log(text.trimEnd()),
      outputError: () => {},
      getOutHelpWidth: () => Math.max(process.stdout.columns ?? 100, 60),
    });
  for (const [index, verb] of verbs.entries()) {
    const command = root.command(verb.name, { isDefault: index === 0 })
      .summary(verb.summary)
      .description(verb.summary)
      .usage("[flags]")
      .optionsGroup("Flags:")
      .allowExcessArguments()
      .addHelpText("after", UNITS);
    addFlags(command, verb.flags);
    command.action(async () => {
      checkNoArguments(root, command);
      done(await verb.run(readFlags(command, verb.flags, environment)));
    });
    if (index === 0) {
      root.addHelpText("after", () => `\n${command.helpInformation()}${UNITS}`);
    }
  }
  return root;
}

function checkNoArguments(root: Command, command: Command): void {
  const [extra] = command.args;
  if (extra === undefined) return;
  const quoted = JSON.stringify(extra);
  if (root.args[0] === command.name()) {
    throw new UsageError(`${command.name()} takes flags only, but got ${quoted}`);
  }
  throw new UsageError(
    `unknown command ${quoted}; accepted: ${verbs.map((verb) => verb.name).join(", ")}`,
  );
}

function explain(root: Command, error: CommanderError | UsageError): string {
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const hint = `See ${NAME} --help.`;
  if (error instanceof UsageError) return `${message}. ${hint}`;
  const verb = verbs.find((candidate) => candidate.name === root.args[0]) ?? verbs[0];
  const flags = Object.values(verb?.flags ?? {});
  const named = /'--([a-z-]+)/.exec(message)?.[1];
  const flag = flags.find((candidate) => candidate.name === named);
  const accepted = flag === undefined
    ? flags.map((candidate) => `--${candidate.name}`).join(", ")
    : flag.placeholder === undefined
    ? `--${flag.name} or --no-${flag.name}, without a value`
    : flag.accepts;
  return `${message}; accepted: ${accepted}. ${hint}`;
}
