import process from "node:process";
import { Command, CommanderError } from "commander";
import { EXIT } from "./context/exit_code.ts";
import type { Flag } from "./flags/flag.ts";
import { configFlags } from "./flags/config_flags.ts";
import { ConfigError } from "./config/config_error.ts";
import { loadConfig } from "./config/load_config.ts";
import { addFlags, type Environment, type FlagValues, readFlags } from "./flags/flag_values.ts";
import { normalizeArgs } from "./normalize_args.ts";
import { processContext } from "./context/process_context.ts";
import { PROGRAM } from "./context/program_name.ts";
import type { CommandContext } from "./context/command_context.ts";
import { suggest } from "./flags/suggestion.ts";
import { COMMAND_SYNONYMS, FLAG_SYNONYMS } from "./synonyms.ts";
import { UsageError } from "./flags/usage_error.ts";
import type { CliCommand } from "./context/cli_command.ts";
import { commands } from "./commands.ts";
import { version } from "./context/version.ts";

const NOTES = `
Every flag with an env can be set by that variable, and those of serve by --config FILE too; a flag
on the command line wins, then a variable.
A switch is turned off by --no-NAME, or by "false" in the environment.
Durations: 500ms, 30s, 5m, 1h, 7d. Sizes: 512 (bytes), 64KiB, 1MiB, 1GiB.`;

/** A longer line of examples is printed below its description, not beside it. */
const EXAMPLE_CHARS = 48;

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such stream, 4 conflict (the stream is
closed, of another type, or another writer came first), 5 the server can't be reached or fails.`;

/**
 * Runs the program with these arguments and resolves to its exit code, one of `EXIT`.
 *
 * @param context what the commands have around them; this process's own unless given
 */
export async function main(
  args: readonly string[] = process.argv.slice(2),
  environment: Environment = process.env,
  context: CommandContext = processContext(environment),
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const root = build(context, (code) => exitCode = code);
  try {
    checkCommandName(args);
    await root.parseAsync(normalizeArgs(args, commands), { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    if (error instanceof ConfigError) {
      for (const line of error.message.split("\n")) context.printError(`${PROGRAM}: ${line}`);
      return EXIT.usage;
    }
    if (error instanceof CommanderError || error instanceof UsageError) {
      context.printError(`${PROGRAM}: ${explain(root, error, args)}`);
      return EXIT.usage;
    }
    throw error;
  }
}

function build(context: CommandContext, done: (exitCode: number) => void): Command {
  const root = new Command(PROGRAM)
    .description(
      "Serves append-only streams over HTTP that never lose what they acknowledged, and works with " +
        "the streams of any such server.",
    )
    .usage("[command] [flags]")
    .version(version, "-V, --version", "Print the version.")
    .helpOption("-h, --help", "Print this help.")
    .helpCommand("help [command]", "Print the help of a command.")
    .showSuggestionAfterError(false)
    .configureHelp({ subcommandTerm: usageOf })
    .exitOverride()
    .configureOutput({
      // Writing to process.stdout is not finished when process.exit ends a Bun program; this is.
      writeOut: (text) => console.log(text.trimEnd()),
      outputError: () => {},
      getOutHelpWidth: () => Math.max(process.stdout.columns ?? 100, 60),
    });
  for (const [index, cliCommand] of commands.entries()) {
    const isDefault = index === 0;
    const command = root.command(cliCommand.name, { isDefault })
      .summary(cliCommand.summary)
      .description(
        cliCommand.summary + (cliCommand.details === undefined ? "" : `\n${cliCommand.details}`),
      )
      .usage([...argumentsOf(cliCommand), "[flags]"].join(" "))
      .optionsGroup("Flags:")
      .allowExcessArguments()
      .addHelpText("after", examplesOf(cliCommand) + (isDefault ? NOTES : NOTES + EXIT_CODES));
    addFlags(command, cliCommand.flags);
    command.action(async () => {
      const args = checkArguments(root, command, cliCommand);
      const readAgain = () => readValues(command, cliCommand, args, context.environment);
      done(await cliCommand.run(readAgain(), { args, context, readAgain }));
    });
    if (isDefault) {
      root.addHelpText(
        "after",
        () => `\n${command.helpInformation()}${examplesOf(cliCommand)}${NOTES}${EXIT_CODES}`,
      );
    }
  }
  return root;
}

/** The flags' values, of the configuration file too where the command has one. */
function readValues(
  command: Command,
  { flags, configFile }: CliCommand,
  args: readonly string[],
  environment: Environment,
): FlagValues {
  const { config } = configFlags;
  if (!Object.values(flags).includes(config)) return readFlags(command, flags, environment);
  const path = configFile?.(args) ?? readFlags(command, { config }, environment).get(config);
  const form = { flags, synonyms: FLAG_SYNONYMS };
  const file = path === undefined ? undefined : loadConfig(path, form);
  return readFlags(command, flags, environment, file);
}

function usageOf(command: Command): string {
  const cliCommand = commands.find(({ name }) => name === command.name());
  return [command.name(), ...(cliCommand === undefined ? ["[COMMAND]"] : argumentsOf(cliCommand))]
    .join(" ");
}

function argumentsOf({ args = [] }: CliCommand): readonly string[] {
  return args.map(({ name, optional, repeats }) => {
    const text = repeats ? `${name}...` : name;
    return optional ? `[${text}]` : text;
  });
}

function examplesOf({ examples }: CliCommand): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) =>
    width > EXAMPLE_CHARS ? `  # ${does}\n  ${line}` : `  ${line.padEnd(width)}  # ${does}`
  );
  return `\nExamples:\n${lines.join("\n")}\n`;
}

/** Comes before anything else is read: errors in a misspelt command's flags don't matter. */
function checkCommandName([first, second]: readonly string[]): void {
  const named = first === "help" ? second : first;
  if (named === undefined || named.startsWith("-") || ["help", "version"].includes(named)) return;
  if (!commands.some(({ name }) => name === named)) throw unknownCommand(named);
}

function unknownCommand(given: string): UsageError {
  const names = commands.map(({ name }) => name);
  const suggestion = suggest(given, names, COMMAND_SYNONYMS);
  const hint = suggestion === undefined
    ? `; accepted: ${names.join(", ")}`
    : `. Did you mean ${suggestion}?`;
  return new UsageError(`unknown command ${JSON.stringify(given)}${hint}`);
}

function checkArguments(
  root: Command,
  { args }: Command,
  cliCommand: CliCommand,
): readonly string[] {
  const expected = cliCommand.args ?? [];
  const extra = expected.at(-1)?.repeats ? undefined : args[expected.length];
  const isNamed = root.args[0] === cliCommand.name;
  if (extra !== undefined && !isNamed) throw unknownCommand(extra);
  const usage = [PROGRAM, cliCommand.name, ...argumentsOf(cliCommand)].join(" ");
  const missing = expected.find(({ optional }, index) => !optional && (args[index] ?? "") === "");
  if (missing !== undefined) {
    throw new UsageError(`${cliCommand.name} needs ${missing.name}, ${missing.help}: ${usage}`);
  }
  if (extra !== undefined) {
    const taken = expected.length === 0
      ? "flags only"
      : `${argumentsOf(cliCommand).join(" and ")} only`;
    throw new UsageError(`${cliCommand.name} takes ${taken}, but got ${JSON.stringify(extra)}`);
  }
  return args;
}

function explain(
  root: Command,
  error: CommanderError | UsageError,
  args: readonly string[],
): string {
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const cliCommand = commands.find(({ name }) => name === root.args[0]);
  const help = cliCommand === undefined ? "--help" : `${cliCommand.name} --help`;
  const hint = `See ${PROGRAM} ${help}.`;
  if (error instanceof UsageError) return `${message}${message.endsWith("?") ? "" : "."} ${hint}`;
  const later = cliCommand === undefined
    ? commands.find(({ name }) => args.includes(name))
    : undefined;
  if (later !== undefined && later !== commands[0]) {
    return `${message}; flags come after the command: ${PROGRAM} ${later.name} … . ${hint}`;
  }
  const flags = flagsOf(cliCommand ?? commands[0]);
  const suggestion = error.code === "commander.unknownOption"
    ? flagHint(message, cliCommand ?? commands[0])
    : undefined;
  if (suggestion !== undefined) return `${message}. ${suggestion} ${hint}`;
  const named = /'(?:-\w, )?--([a-z-]+)/.exec(message)?.[1];
  const flag = flags.find(({ name }) => name === named);
  const accepted = flag === undefined
    ? flags.map(onCommandLine).join(", ")
    : flag.placeholder === undefined
    ? `--${flag.name} or --no-${flag.name}, without a value`
    : flag.accepts;
  return `${message}; accepted: ${accepted}. ${hint}`;
}

/** A hint at the flag that is probably meant by one that the command doesn't have. */
function flagHint(message: string, cliCommand: CliCommand | undefined): string | undefined {
  const [, dashes = "", given = "", value] = /'(--?)([^'=]+)(=.*)?'/.exec(message) ?? [];
  const flags = flagsOf(cliCommand);
  // For a switch with a value, the message says how a switch is given.
  if (value !== undefined && flags.some(({ name }) => name === given)) return undefined;
  const spellings = flags.map((flag) => onCommandLine(flag).slice(2));
  const suggestion = suggest(given, spellings, FLAG_SYNONYMS);
  if (suggestion !== undefined) return `Did you mean --${suggestion}?`;
  const others = commands.filter((other) =>
    flagsOf(other).some(({ name, short }) => given === (dashes === "-" ? short : name))
  );
  if (others.length > 0) return `It is a flag of ${others.map(({ name }) => name).join(" and ")}.`;
  const [other] = (Object.hasOwn(FLAG_SYNONYMS, given) ? FLAG_SYNONYMS[given] ?? [] : [])
    .flatMap((name) =>
      commands.filter((cliCommand) =>
        flagsOf(cliCommand).some((flag) => flag.name === name && flag.placeholder)
      )
        .map((cliCommand) => `--${name} of ${cliCommand.name}`)
    );
  return other === undefined ? undefined : `Did you mean ${other}?`;
}

function flagsOf(cliCommand: CliCommand | undefined): readonly Flag<unknown>[] {
  return Object.values<Flag<unknown>>(cliCommand?.flags ?? {});
}

function onCommandLine({ name, placeholder, default: value }: Flag<unknown>): string {
  return placeholder === undefined && value === true ? `--no-${name}` : `--${name}`;
}
